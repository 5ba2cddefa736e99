// All keys and aliases of all accounts and Regions.
import { type AliasTable, createAliasTable } from './alias-table.ts'
import { createKeyTable, type KeyTable } from './key-table.ts'
import type { Propagation } from './propagation.ts'
import type { StateFolder } from './state-folder.ts'

export interface KeyStore extends KeyTable, AliasTable {
  /** The clock of the keys, in milliseconds since 1970. */
  nowMs(): number
}

/** @param folder - where keys and aliases are kept; without it they live in memory only */
export function createKeyStore(
  folder: StateFolder | undefined,
  nowMs: () => number,
  propagation: Propagation,
): KeyStore {
  const keys = createKeyTable(folder, nowMs, propagation)
  const aliases = createAliasTable(
    folder,
    ({ account, keyId, region }) => keys.find(account, keyId, region) !== undefined,
  )
  return { nowMs, ...keys, ...aliases }
}
