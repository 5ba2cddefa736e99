// Wraps a data key under a tenant key: the bytes of a cipherkey.
import { contextPurpose, encodeContext } from './context/context.ts'
import { open, seal, sealedLength } from './cobblestone.ts'
import { keyBytes, keyFromBytes, type DataKey, type TenantKey } from './data-key.ts'
import { KeyholdError } from './errors.ts'

/** Every wrapped data key has this length. */
export const wrappedDataKeyBytes = sealedLength(keyBytes)

/** The identity of the data key in a cipherkey. */
export type DataKeyRef = Pick<DataKey, 'tenantId' | 'id' | 'version'>

function wrapContext(tenantKey: TenantKey, dataKey: DataKeyRef): Buffer {
  if (tenantKey.tenantId !== dataKey.tenantId)
    throw new TypeError('"dataKey" expected a key of the same tenant')
  return encodeContext({
    purpose: contextPurpose.dataKeyWrap,
    tenantId: dataKey.tenantId,
    objectId: dataKey.id,
    version: dataKey.version,
    pairs: { tenantKeyId: tenantKey.id, tenantKeyVersion: String(tenantKey.version) },
  })
}

/** Answers `wrappedDataKeyBytes` bytes. They are bound to the tenant and to the ids and versions of both keys. */
export function wrapDataKey(tenantKey: TenantKey, dataKey: DataKey): Buffer {
  if (dataKey.key.symmetricKeySize !== keyBytes)
    throw new RangeError(`"dataKey" expected a secret key of ${keyBytes} bytes`)
  const bytes = dataKey.key.export()
  try {
    return seal(tenantKey.key, wrapContext(tenantKey, dataKey), bytes)
  } finally {
    bytes.fill(0)
  }
}

/**
 * Unwraps the bytes that `wrapDataKey` made. The caller compares the key check value next.
 *
 * @throws KeyholdError `ERR_KEY_INTEGRITY` for another tenant key, another identity and any change of the bytes
 */
export function unwrapDataKey(tenantKey: TenantKey, ref: DataKeyRef, wrapped: Uint8Array): DataKey {
  let bytes: Buffer
  try {
    bytes = open(tenantKey.key, wrapContext(tenantKey, ref), wrapped)
  } catch (cause) {
    throw new KeyholdError('ERR_KEY_INTEGRITY', { cause })
  }
  if (bytes.length !== keyBytes) throw new KeyholdError('ERR_KEY_INTEGRITY')
  return { tenantId: ref.tenantId, id: ref.id, version: ref.version, key: keyFromBytes(bytes) }
}
