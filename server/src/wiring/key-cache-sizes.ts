// How many keys a replica holds in memory.
import { totalmem } from 'node:os'

const bytesPerMib = 1_048_576
// The memory that an entry takes, with its key object, its names and its share of the tables. A key that has encrypted keeps a derived
// key beside it.
const bytesPerEntry = 2_048
const tenantKeyShare = 1 / 4
// Of the data keys: one tenant cannot push out all others.
const shareOfOneTenant = 1 / 5
const shareOfMemory = 1 / 4
const minMib = 64
const maxMib = 1_024

/** Numbers of entries. */
export interface KeyCacheSizes {
  tenantKeys: number
  tenantKeysOfOneTenant: number
  dataKeys: number
  dataKeysOfOneTenant: number
}

/**
 * @param mib - what the keys may take; undefined: a quarter of the memory that this process may use, at least 64 MiB and at
 * most 1 GiB
 * @param replicas - how many share that memory
 */
export function keyCacheSizes(mib?: number, replicas = 1): KeyCacheSizes {
  return sizesOf(mib ?? defaultMib(replicas))
}

function sizesOf(mib: number): KeyCacheSizes {
  const entries = Math.floor((mib * bytesPerMib) / bytesPerEntry)
  const tenantKeys = Math.floor(entries * tenantKeyShare)
  const dataKeys = entries - tenantKeys
  const ofOneTenant = (all: number) => Math.max(1, Math.floor(all * shareOfOneTenant))
  return {
    ...{ tenantKeys, tenantKeysOfOneTenant: ofOneTenant(tenantKeys) },
    ...{ dataKeys, dataKeysOfOneTenant: ofOneTenant(dataKeys) },
  }
}

function defaultMib(replicas: number): number {
  // Without a limit on the process, Node answers 0 or a number beyond all memory.
  const limit = process.constrainedMemory()
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return Math.min(maxMib, Math.max(minMib, Math.floor((bytes * shareOfMemory) / bytesPerMib / replicas)))
}
