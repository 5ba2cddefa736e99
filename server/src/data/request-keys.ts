// The data keys that one request needs, each found once. Work that goes on in another thread asks through the same
// interface, because keys are held by the thread that answers requests alone.
import { isKeyholdError, KeyholdError, type DataKey, type ErrorCode, type Header } from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import type { Store } from '../store/store.ts'

/** A key, or why there is none: what concerns the items under that key alone. */
export type KeyOutcome = DataKey | KeyholdError

/** Which data key it is, and which version of it. */
export type DataKeyPosition = Pick<Header, 'dataKeyId' | 'version'>

/** All of them throw, or reject with, a KeyholdError for a fault that concerns the whole tenant. */
export interface RequestKeys {
  /** The active data key of each name, made and committed first if there is none. */
  actives(keyNames: ReadonlySet<string>): KeysByName | Promise<KeysByName>
  /** The data keys that tokens name in their headers, under the same names. */
  named(headers: ReadonlyMap<string, DataKeyPosition>): KeysByName | Promise<KeysByName>
  /** The key names of data keys. One that the tenant does not have is left out. */
  keyNames(dataKeyIds: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>
}

export type KeysByName = ReadonlyMap<string, KeyOutcome>

/** Keys that are in memory are answered at once, without a promise. */
export function createRequestKeys(
  { store, dataKeys }: { store: Store; dataKeys: DataKeyCache },
  tenantId: string,
): RequestKeys {
  return {
    actives(keyNames) {
      const byName = new Map<string, KeyOutcome>()
      const missing: Promise<unknown>[] = []
      for (const keyName of keyNames) {
        const held = dataKeys.findHeldActive(tenantId, keyName)
        if (held !== undefined) byName.set(keyName, held)
        else missing.push(getActive(dataKeys, tenantId, keyName).then((key) => byName.set(keyName, key)))
      }
      return missing.length === 0 ? byName : Promise.all(missing).then(() => byName)
    },

    named(headers) {
      const byName = new Map<string, KeyOutcome>()
      const missing: Promise<unknown>[] = []
      for (const [name, header] of headers) {
        const held = dataKeys.findHeld(tenantId, header.dataKeyId, header.version)
        if (held !== undefined) byName.set(name, held)
        else missing.push(getNamed(dataKeys, tenantId, header).then((key) => byName.set(name, key)))
      }
      return missing.length === 0 ? byName : Promise.all(missing).then(() => byName)
    },

    async keyNames(dataKeyIds) {
      const names = new Map<string, string>()
      for (const dataKeyId of dataKeyIds) {
        const keyName = await store.cipherkeys.findKeyName(tenantId, dataKeyId)
        if (keyName !== undefined) names.set(dataKeyId, keyName)
      }
      return names
    },
  }
}

// A damaged cipherkey or a full quota concerns only the items of its key name.
function getActive(dataKeys: DataKeyCache, tenantId: string, keyName: string): Promise<KeyOutcome> {
  return unless(['ERR_KEY_INTEGRITY', 'ERR_KEY_NAME_QUOTA'], () => dataKeys.getActive(tenantId, keyName))
}

// A damaged cipherkey and a version below the minimum concern only the items of this data key.
function getNamed(
  dataKeys: DataKeyCache,
  tenantId: string,
  { dataKeyId, version }: DataKeyPosition,
): Promise<KeyOutcome> {
  return unless(
    ['ERR_KEY_INTEGRITY', 'ERR_KEY_VERSION_RETIRED'],
    async () =>
      (await dataKeys.get(tenantId, dataKeyId, version)) ?? new KeyholdError('ERR_DECRYPTION_FAILED'),
  )
}

async function unless(codes: ErrorCode[], find: () => Promise<KeyOutcome>): Promise<KeyOutcome> {
  try {
    return await find()
  } catch (error) {
    if (isKeyholdError(error, ...codes) || isFaultyMinimum(error)) return error
    throw error
  }
}

/** The row of a minimum version concerns its data key alone; every other faulty row concerns the tenant. */
function isFaultyMinimum(error: unknown): error is KeyholdError {
  return isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC') && error.details.table === 'minimum_versions'
}
