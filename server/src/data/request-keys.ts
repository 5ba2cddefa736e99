// The data keys that one request needs, each found once. Work that goes on in another thread asks through the same
// interface, because keys are held by the thread that answers requests alone.
import { isKeyholdError, KeyholdError, type DataKey, type ErrorCode, type Header } from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import type { NamedDataKey } from '../keyring/open-cipherkey.ts'

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
  /** The key names of data keys that `named` has found before, as their wraps prove them. One without a name is left out. */
  keyNames(dataKeyIds: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>
}

export type KeysByName = ReadonlyMap<string, KeyOutcome>

/** Keys that are in memory are answered at once, without a promise. */
export function createRequestKeys({ dataKeys }: { dataKeys: DataKeyCache }, tenantId: string): RequestKeys {
  // A name that is read beside the key could be that of another one.
  const keyNames = new Map<string, string>()

  function note<Found extends NamedDataKey | KeyholdError>(found: Found): Found {
    if (!isKeyholdError(found) && found.keyName !== undefined) keyNames.set(found.id, found.keyName)
    return found
  }

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
        if (held !== undefined) byName.set(name, note(held))
        else missing.push(getNamed(dataKeys, tenantId, header).then((key) => byName.set(name, note(key))))
      }
      return missing.length === 0 ? byName : Promise.all(missing).then(() => byName)
    },

    keyNames: (dataKeyIds) =>
      Promise.resolve(new Map([...keyNames].filter(([dataKeyId]) => dataKeyIds.has(dataKeyId)))),
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
): Promise<NamedDataKey | KeyholdError> {
  return unless(
    ['ERR_KEY_INTEGRITY', 'ERR_KEY_VERSION_RETIRED'],
    async () =>
      (await dataKeys.get(tenantId, dataKeyId, version)) ?? new KeyholdError('ERR_DECRYPTION_FAILED'),
  )
}

async function unless<Found>(
  codes: ErrorCode[],
  find: () => Promise<Found | KeyholdError>,
): Promise<Found | KeyholdError> {
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
