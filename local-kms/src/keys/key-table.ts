// The keys in memory and in their folder. A change is on disk before anyone can see it.
import { type InitialKey, initialRecord } from './initial-key.ts'
import {
  type Key,
  keyIn,
  type KeyRecord,
  type RegionalKey,
  withoutExpired,
  withRegion,
} from './key-record.ts'
import { type Propagation, spread } from './propagation.ts'
import type { StateFolder } from './state-folder.ts'

export interface KeyTable {
  find(account: string, keyId: string, region: string): Key | undefined
  list(account: string, region: string): Key[]
  /** The keys of all accounts. */
  listAll(region: string): Key[]
  put(record: KeyRecord): void
  /** Changes a key in its Region, and answers the key as it is now. */
  change(key: Key, local: Partial<RegionalKey>): Key
}

export function createKeyTable(
  folder: StateFolder | undefined,
  nowMs: () => number,
  propagation: Propagation,
  initial: Iterable<InitialKey> = [],
): KeyTable {
  const records = new Map<string, KeyRecord>()
  for (const key of initial) records.set(nameOf(key.account, key.keyId), initialRecord(key, nowMs()))
  for (const record of folder?.readKeys() ?? []) records.set(nameOf(record.account, record.keyId), record)

  function put(record: KeyRecord): void {
    folder?.writeKey(record)
    records.set(nameOf(record.account, record.keyId), record)
  }

  // Deletion has no timer. The first look after its date finds the key gone, and so does the next start.
  function current(name: string): KeyRecord | undefined {
    const record = records.get(name)
    if (record === undefined) return undefined
    const left = withoutExpired(record, nowMs())
    if (left === record) return record
    if (Object.keys(left.regions).length > 0) {
      put(left)
      return left
    }
    folder?.deleteKey(record)
    records.delete(name)
    return undefined
  }

  function listAll(region: string): Key[] {
    return [...records.keys()].flatMap((name) => {
      const record = current(name)
      const key = record === undefined ? undefined : keyIn(record, region)
      return key === undefined ? [] : [key]
    })
  }

  return {
    find(account, keyId, region) {
      const record = current(nameOf(account, keyId))
      return record === undefined ? undefined : keyIn(record, region)
    },
    list: (account, region) => listAll(region).filter((key) => key.record.account === account),
    listAll,
    put,
    change(key, local) {
      const changed = spread(key.local, { ...key.local, ...local }, nowMs(), propagation.delayMs)
      const record = withRegion(key.record, key.region, changed)
      put(record)
      return { ...key, record, local: changed }
    },
  }
}

function nameOf(account: string, keyId: string): string {
  return `${account}/${keyId}`
}
