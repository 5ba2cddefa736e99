// Keeps keys and aliases in a folder: a file a key (with its replicas, so that a change is one rename) and one
// for the aliases. Each file carries a checksum: a damaged one stops the start, it never becomes a new state.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { lockFolder } from './lock-folder.ts'
import type { Alias, KeyRecord } from './key-record.ts'

const FORMAT = 1
const ALIASES = 'aliases.json'

export class StateFolder {
  readonly #path: string
  readonly #keys: string
  readonly #unlock: () => void

  /** @throws Error when another process uses the folder. */
  constructor(path: string) {
    this.#path = resolve(path)
    this.#keys = join(this.#path, 'keys')
    mkdirSync(this.#keys, { recursive: true, mode: 0o700 })
    chmodSync(this.#path, 0o700)
    this.#unlock = lockFolder(this.#path)
  }

  readKeys(): KeyRecord[] {
    return readdirSync(this.#keys)
      .filter((name) => !discardUnfinished(this.#keys, name))
      .map((name) => {
        const path = join(this.#keys, name)
        return read(path, isKeyRecord)
      })
  }

  readAliases(): Alias[] {
    const names = readdirSync(this.#path).filter((name) => !discardUnfinished(this.#path, name))
    return names.includes(ALIASES) ? read(join(this.#path, ALIASES), isAliasList) : []
  }

  writeKey(record: KeyRecord): void {
    write(this.#keys, fileNameOf(record), record)
  }

  deleteKey(record: KeyRecord): void {
    rmSync(join(this.#keys, fileNameOf(record)), { force: true })
    syncFolder(this.#keys)
  }

  writeAliases(aliases: readonly Alias[]): void {
    write(this.#path, ALIASES, aliases)
  }

  close(): void {
    this.#unlock()
  }
}

function fileNameOf(record: KeyRecord): string {
  return `${record.account}.${record.keyId}.json`
}

// Written before the call is answered: what a client was told survives kill -9 and a power cut.
function write(folder: string, name: string, content: unknown): void {
  const text = JSON.stringify(content)
  const temporary = join(folder, `${name}.tmp`)
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeFileSync(file, JSON.stringify({ format: FORMAT, sha256: sha256(text), content }))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, join(folder, name))
  syncFolder(folder)
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

// A temporary file is a change that was never acknowledged.
function discardUnfinished(folder: string, name: string): boolean {
  if (!name.endsWith('.tmp')) return false
  rmSync(join(folder, name))
  return true
}

function read<T>(path: string, isContent: (value: unknown) => value is T): T {
  const damaged = (cause?: unknown): Error =>
    new Error(`${path} is damaged: put back a copy of it, or delete it and what it keeps is gone`, { cause })
  let file: unknown
  try {
    file = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw damaged(cause)
  }
  if (typeof file !== 'object' || file === null || !('format' in file) || !('content' in file))
    throw damaged()
  if (file.format !== FORMAT) throw new Error(`${path} was written by another version of local-kms`)
  if (!('sha256' in file) || file.sha256 !== sha256(JSON.stringify(file.content))) throw damaged()
  if (!isContent(file.content)) throw damaged()
  return file.content
}

// The checksum proves that these are bytes this program wrote; the shape only needs to be told apart.
function isKeyRecord(value: unknown): value is KeyRecord {
  return typeof value === 'object' && value !== null && 'keyId' in value && 'materials' in value
}

function isAliasList(value: unknown): value is Alias[] {
  return Array.isArray(value)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
