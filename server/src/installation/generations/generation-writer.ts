// Writes records of generations into the file one after the other, behind the back of whoever has them: a disk that fails or
// hangs holds up nobody. What could not be written is written with what comes next.
import { mergeRecords, nameOfRecord, type GenerationRecord } from './generation-records.ts'
import type { KeptGenerations, KeptWrite } from './kept-generations.ts'

export interface GenerationWriter {
  /** Takes some to write, and tries again what has failed. Does not wait. */
  write(records: readonly GenerationRecord[]): void
  /** Waits until nothing is being written. Never throws. */
  settled(): Promise<void>
}

export interface GenerationWriterParts {
  kept: Pick<KeptGenerations, 'append'>
  now: () => Date
  /** It is waited for, and must not throw. */
  onKept: (write: KeptWrite, records: readonly GenerationRecord[]) => Promise<void>
  /** Receives the error of each try that failed. */
  onFailed: (error: unknown) => void
}

export function createGenerationWriter({
  kept,
  now,
  onKept,
  onFailed,
}: GenerationWriterParts): GenerationWriter {
  // One for each row, so that this does not grow while the disk is away.
  let waiting = new Map<string, GenerationRecord>()
  let writing: Promise<void> | undefined

  function add(record: GenerationRecord): void {
    const name = nameOfRecord(record)
    waiting.set(name, mergeRecords(waiting.get(name), record))
  }

  async function writeAll(): Promise<void> {
    while (waiting.size > 0) {
      const records = [...waiting.values()]
      waiting = new Map()
      try {
        await onKept(await kept.append(records, now()), records)
      } catch (error) {
        const later = waiting
        waiting = new Map()
        for (const record of [...records, ...later.values()]) add(record)
        onFailed(error)
        return
      }
    }
  }

  return {
    write(records) {
      for (const record of records) add(record)
      if (waiting.size > 0)
        writing ??= writeAll().finally(() => {
          writing = undefined
        })
    },
    settled: async () => {
      await writing
    },
  }
}
