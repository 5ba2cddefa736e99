// All keys, aliases and custom key stores of all accounts and Regions.
import { type AliasTable, createAliasTable } from './alias-table.ts'
import { type BackingFailures, createBackingFailures } from './backing-failures.ts'
import { connectionState } from './custom-key-store.ts'
import { createCustomKeyStoreTable, type CustomKeyStoreTable } from './custom-key-store-table.ts'
import type { InitialKey } from './initial-key.ts'
import type { Key } from './key-record.ts'
import { createKeyTable, type KeyTable } from './key-table.ts'
import type { Propagation } from './propagation.ts'
import type { StateFolder } from './state-folder.ts'

export interface KeyStore extends KeyTable, AliasTable, CustomKeyStoreTable {
  /** The clock of the keys, in milliseconds since 1970. */
  nowMs(): number
  /** The failures behind custom key stores. */
  backingFailures: BackingFailures
}

/**
 * @param folder - where everything is kept; without it all lives in memory only
 * @param initial - keys that are there from the start
 */
export function createKeyStore(
  folder: StateFolder | undefined,
  nowMs: () => number,
  propagation: Propagation,
  initial?: Iterable<InitialKey>,
): KeyStore {
  const keys = createKeyTable(folder, nowMs, propagation, initial)
  const customKeyStores = createCustomKeyStoreTable(folder)
  const aliases = createAliasTable(
    folder,
    ({ account, keyId, region }) => keys.find(account, keyId, region) !== undefined,
  )

  function withConnection(key: Key): Key {
    const { account, customKeyStore } = key.record
    if (customKeyStore === undefined) return key
    const store = customKeyStores.findCustomKeyStore(account, key.region, customKeyStore.id)
    const isConnected = store !== undefined && connectionState(store, nowMs()) === 'CONNECTED'
    return { ...key, isUnavailable: !isConnected }
  }

  return {
    nowMs,
    backingFailures: createBackingFailures(),
    ...keys,
    find(account, keyId, region) {
      const key = keys.find(account, keyId, region)
      return key && withConnection(key)
    },
    list: (account, region) => keys.list(account, region).map(withConnection),
    listAll: (region) => keys.listAll(region).map(withConnection),
    ...aliases,
    ...customKeyStores,
  }
}
