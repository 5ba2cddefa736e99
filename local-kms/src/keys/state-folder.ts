// Keeps keys and aliases in a folder: one file for each key (with its replicas, so that a change is one rename) and one
// for the aliases.
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CustomKeyStore } from './custom-key-store.ts'
import type { Alias, KeyRecord } from './key-record.ts'
import { lockFolder } from './lock-folder.ts'
import { discardUnfinished, readStateFile, syncFolder, writeStateFile } from './state-file.ts'

const aliasesFile = 'aliases.json'
const customKeyStoresFile = 'custom-key-stores.json'

export interface StateFolder {
  readKeys(): KeyRecord[]
  readAliases(): Alias[]
  readCustomKeyStores(): CustomKeyStore[]
  writeKey(record: KeyRecord): void
  deleteKey(record: KeyRecord): void
  writeAliases(aliases: readonly Alias[]): void
  writeCustomKeyStores(stores: readonly CustomKeyStore[]): void
  /** Lets another process use the folder. */
  close(): void
}

/**
 * Makes the folder if it is missing.
 *
 * @throws Error when another process uses the folder
 */
export function openStateFolder(folder: string): StateFolder {
  const path = resolve(folder)
  const keys = join(path, 'keys')
  mkdirSync(keys, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  const unlock = lockFolder(path)
  return {
    readKeys: () => listFinished(keys).map((name) => readStateFile(join(keys, name), isKeyRecord)),
    readAliases: () => readList<Alias>(path, aliasesFile),
    readCustomKeyStores: () => readList<CustomKeyStore>(path, customKeyStoresFile),
    writeKey(record) {
      writeStateFile(keys, fileNameOf(record), record)
    },
    deleteKey(record) {
      rmSync(join(keys, fileNameOf(record)), { force: true })
      syncFolder(keys)
    },
    writeAliases(aliases) {
      writeStateFile(path, aliasesFile, aliases)
    },
    writeCustomKeyStores(stores) {
      writeStateFile(path, customKeyStoresFile, stores)
    },
    close: unlock,
  }
}

function listFinished(folder: string): string[] {
  return readdirSync(folder).filter((name) => !discardUnfinished(folder, name))
}

function fileNameOf(record: KeyRecord): string {
  return `${record.account}.${record.keyId}.json`
}

// The checksum shows that this program wrote the bytes; the shape only needs to be told apart.
function isKeyRecord(value: unknown): value is KeyRecord {
  return typeof value === 'object' && value !== null && 'keyId' in value && 'materials' in value
}

/** Empty when the file has never been written. */
function readList<T>(folder: string, name: string): T[] {
  if (!listFinished(folder).includes(name)) return []
  return readStateFile(join(folder, name), (value): value is T[] => Array.isArray(value))
}
