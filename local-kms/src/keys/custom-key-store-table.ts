// The custom key stores in memory and in their folder. A change is on disk before anyone can see it.
import type { CustomKeyStore } from './custom-key-store.ts'
import type { StateFolder } from './state-folder.ts'

export interface CustomKeyStoreTable {
  findCustomKeyStore(account: string, region: string, id: string): CustomKeyStore | undefined
  listCustomKeyStores(account: string, region: string): CustomKeyStore[]
  /** Makes the store or replaces it. */
  putCustomKeyStore(store: CustomKeyStore): void
  deleteCustomKeyStore(store: CustomKeyStore): void
}

export function createCustomKeyStoreTable(folder: StateFolder | undefined): CustomKeyStoreTable {
  let stores: readonly CustomKeyStore[] = folder?.readCustomKeyStores() ?? []

  function replaceAll(changed: readonly CustomKeyStore[]): void {
    folder?.writeCustomKeyStores(changed)
    stores = changed
  }

  function listCustomKeyStores(account: string, region: string): CustomKeyStore[] {
    return stores.filter((store) => store.account === account && store.region === region)
  }

  return {
    findCustomKeyStore: (account, region, id) =>
      listCustomKeyStores(account, region).find((store) => store.id === id),
    listCustomKeyStores,
    putCustomKeyStore(store) {
      replaceAll([...stores.filter(({ id }) => id !== store.id), store])
    },
    deleteCustomKeyStore(store) {
      replaceAll(stores.filter(({ id }) => id !== store.id))
    },
  }
}
