// Writes checkpoints into the file one after the other, behind the back of whoever signs them: a disk that fails or hangs
// holds up nobody. What could not be written is written with what comes next.
import { chainOf, type SignedCheckpoint } from './audit-checkpoint.ts'
import type { KeptCheckpoints } from './kept-checkpoints.ts'

export interface CheckpointWriter {
  /** Takes some to write, and tries again what has failed. Does not wait. */
  write(checkpoints: readonly SignedCheckpoint[]): void
  /** Waits until nothing is being written. Never throws. */
  settled(): Promise<void>
}

/** @param onFailed - receives the error of each try that failed */
export function createCheckpointWriter(
  kept: Pick<KeptCheckpoints, 'append'>,
  onFailed: (error: unknown) => void,
): CheckpointWriter {
  // The newest of each chain vouches for the others, so that this does not grow while the disk is away.
  let waiting = new Map<string, SignedCheckpoint>()
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.size > 0) {
      const now = waiting
      waiting = new Map()
      try {
        await kept.append([...now.values()])
      } catch (error) {
        waiting = new Map([...now, ...waiting])
        onFailed(error)
        return
      }
    }
  }

  return {
    write(checkpoints) {
      for (const each of checkpoints) waiting.set(chainOf(each.checkpoint), each)
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
