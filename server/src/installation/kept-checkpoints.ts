// The checkpoints that this replica knows, in a file beside the database: one a line, the newest of each chain always among
// them. The newest one vouches for all records before it, so older lines are dropped when the file has doubled.
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { asCheckpoint, chainOf, type SignedCheckpoint } from './audit-checkpoint.ts'
import { keyIdOf } from './signing-keys/key-id-of.ts'
import { cutFile, openToAppend } from './state-files.ts'
import { writeDurably } from './write-durably.ts'

export interface KeptCheckpoints {
  readonly file: string
  /**
   * The newest one of each chain. The rest of a line that a crash has cut off is taken away. Lines that are no checkpoints, or
   * those of another installation, are left out, and counted.
   */
  load(): Promise<{ newest: SignedCheckpoint[]; otherLines: number }>
  /** The same, of a file that another process may be writing: nothing is taken away. */
  readonly look: () => Promise<{ newest: SignedCheckpoint[]; otherLines: number }>
  /** Adds lines, on disk when this answers. After an error none of them is there, as far as the disk lets that be. */
  append(checkpoints: readonly SignedCheckpoint[]): Promise<void>
}

// Some ten thousand lines.
const usualMinBytes = 8 * 1_024 * 1_024
const linesInASlice = 500

export interface KeptCheckpointsOptions {
  /** Keyhold's folder for what it keeps outside of the database. */
  stateDir: string
  /** Whether this installation signs, or has signed, with the key. The folder may have been that of another one before. */
  isOwnKey: (keyId: string) => boolean
  /** Up to this size the file is never written anew. Default: 8 MiB. */
  minBytes?: number
}

export function keptCheckpoints({
  stateDir,
  isOwnKey,
  minBytes = usualMinBytes,
}: KeptCheckpointsOptions): KeptCheckpoints {
  const file = path.join(stateDir, 'audit-checkpoints.ndjson')
  let maxBytes = minBytes
  let mayBeTorn = false

  async function compact(size: number): Promise<void> {
    // Where that fails, the file may double before it is tried again.
    maxBytes = 2 * size
    const { newest } = await newestOf(await readFile(file, 'utf8'), isOwnKey)
    const text = textOf(newest)
    await writeDurably(file, text)
    maxBytes = Math.max(minBytes, 2 * text.length)
  }

  /** Else a new file may have no name after a crash. */
  async function syncFolder(): Promise<void> {
    const folder = await open(path.dirname(file))
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  async function appendTo(handle: FileHandle, text: string): Promise<number> {
    const { size } = await handle.stat()
    // A piece of a line that a failed write has left must not spoil the next one.
    const whole = mayBeTorn ? `\n${text}` : text
    try {
      await handle.appendFile(whole)
      await handle.datasync()
      if (size === 0) await syncFolder()
      mayBeTorn = false
    } catch (error) {
      mayBeTorn = true
      await handle.truncate(size).then(
        () => (mayBeTorn = false),
        () => undefined,
      )
      throw error
    }
    return size + whole.length
  }

  return {
    file,

    async load() {
      const text = await readIfThere(file)
      const end = text.lastIndexOf('\n') + 1
      if (end < text.length) await cutFile(file, Buffer.byteLength(text.slice(0, end)))
      const found = await newestOf(text.slice(0, end), isOwnKey)
      maxBytes = Math.max(minBytes, 2 * textOf(found.newest).length)
      return found
    },

    async look() {
      const text = await readIfThere(file)
      return newestOf(text.slice(0, text.lastIndexOf('\n') + 1), isOwnKey)
    },

    async append(checkpoints) {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
      const handle = await openToAppend(file)
      let size: number
      try {
        size = await appendTo(handle, textOf(checkpoints))
      } finally {
        await handle.close()
      }
      if (size > maxBytes) await compact(size)
    },
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

async function newestOf(
  text: string,
  isOwnKey: (keyId: string) => boolean,
): Promise<{ newest: SignedCheckpoint[]; otherLines: number }> {
  const newest = new Map<string, SignedCheckpoint>()
  let otherLines = 0
  for (const [index, line] of text.split('\n').entries()) {
    // There may be a hundred thousand, and requests wait meanwhile.
    if (index % linesInASlice === 0) await setImmediate()
    if (line === '') continue
    const found = parseLine(line)
    if (found === undefined || !isOwnKey(keyIdOf(found.jws))) {
      otherLines += 1
      continue
    }
    const chain = chainOf(found.checkpoint)
    const known = newest.get(chain)
    if (known === undefined || known.checkpoint.number < found.checkpoint.number) newest.set(chain, found)
  }
  return { newest: [...newest.values()], otherLines }
}

/** The newest checkpoint of each chain, of those of several files. */
export function newestOfEach(all: Iterable<SignedCheckpoint>): SignedCheckpoint[] {
  const newest = new Map<string, SignedCheckpoint>()
  for (const found of all) {
    const chain = chainOf(found.checkpoint)
    const known = newest.get(chain)
    if (known === undefined || known.checkpoint.number < found.checkpoint.number) newest.set(chain, found)
  }
  return [...newest.values()]
}

function parseLine(line: string): SignedCheckpoint | undefined {
  let parsed: { jws?: unknown; checkpoint?: unknown } | null
  try {
    parsed = JSON.parse(line) as typeof parsed
  } catch {
    return undefined
  }
  const checkpoint = asCheckpoint(parsed?.checkpoint)
  return typeof parsed?.jws === 'string' && checkpoint !== undefined
    ? { jws: parsed.jws, checkpoint }
    : undefined
}

function textOf(checkpoints: readonly SignedCheckpoint[]): string {
  return checkpoints.map(({ jws, checkpoint }) => `${JSON.stringify({ checkpoint, jws })}\n`).join('')
}
