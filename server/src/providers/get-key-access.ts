// How the KMS adapter reaches a tenant's key: under which role, in which other regions the key was last seen, and whether a
// replica of Keyhold has met a denial, which counts on all of them, also where it is this one that cannot reach the key's
// own region. Where nobody knows, since the row of the own region is missing or not as Keyhold wrote it, no region stands in.
import {
  isPolicyDenial,
  keyArnFingerprint,
  KeyholdError,
  kindOf,
  parseKeyArn,
  type KeyAccess,
} from '@keyhold/core'
import type { StoredKeyAccess } from '../store/key-access.ts'
import type { Store } from '../store/store.ts'

/** @throws KeyholdError `ERR_KEY_ACCESS_UNKNOWN` */
export async function getKeyAccess(
  store: Pick<Store, 'keyAccess' | 'keyHealth'>,
  tenantId: string,
  keyArn: string,
): Promise<KeyAccess> {
  const found = await getStoredKeyAccess(store, tenantId, keyArn)
  const rows = await store.keyHealth.list(tenantId, keyArnFingerprint(keyArn))
  const own = rows.find(({ region }) => region === parseKeyArn(keyArn).region)
  return {
    ...found,
    isDenied:
      own === undefined || own.isFaulty === true || (own.code !== undefined && kindOf(own.code) === 'denial'),
    // Where nobody knows, the state is asked for, too.
    refusedIn: rows.flatMap(({ region, code, action, isFaulty }) => {
      if (isFaulty === true) return [{ region, action: undefined }]
      const isRefused = code !== undefined && kindOf(code) === 'denial' && !isPolicyDenial(code)
      return isRefused ? [{ region, action }] : []
    }),
  }
}

/**
 * Without the question whether the key was denied.
 *
 * @throws KeyholdError `ERR_KEY_ACCESS_UNKNOWN`
 */
export async function getStoredKeyAccess(
  { keyAccess }: Pick<Store, 'keyAccess'>,
  tenantId: string,
  keyArn: string,
): Promise<StoredKeyAccess> {
  const found = await keyAccess.find(tenantId, keyArn)
  if (found === undefined) throw new KeyholdError('ERR_KEY_ACCESS_UNKNOWN')
  return found
}
