// Wraps a data key under a tenant key: the bytes of a cipherkey. What they bind is said by the tenant key version.
import { contextPurpose, encodeContext } from './context/context.ts'
import { open, seal, sealedLength } from './cobblestone.ts'
import { keyBytes, keyFromBytes, type DataKey, type TenantKey } from './data-key.ts'
import { KeyholdError } from './errors.ts'

/** Every wrapped data key has this length. */
export const wrappedDataKeyBytes = sealedLength(keyBytes)

/** The identity of the data key in a cipherkey. */
export type DataKeyRef = Pick<DataKey, 'tenantId' | 'id' | 'version'>

/**
 * The facts that stand in a cipherkey beside the identity of its data key. Under a tenant key of format 2 the wrap opens with the
 * true ones alone; under one of format 1 nothing proves them.
 */
export interface CipherkeyFacts {
  /** Undefined: the data key has no name, which is another fact than any name. */
  readonly keyName: string | undefined
  /** When the version was made: whole milliseconds since 1970 UTC, rounded down. */
  readonly createdAtMs: number
}

function wrapContext(tenantKey: TenantKey, dataKey: DataKeyRef, facts: CipherkeyFacts): Buffer {
  if (tenantKey.tenantId !== dataKey.tenantId)
    throw new TypeError('"dataKey" expected a key of the same tenant')
  return encodeContext({
    purpose: contextPurpose.dataKeyWrap,
    tenantId: dataKey.tenantId,
    objectId: dataKey.id,
    version: dataKey.version,
    pairs: {
      tenantKeyId: tenantKey.id,
      tenantKeyVersion: String(tenantKey.version),
      ...(tenantKey.format === 2 && pairsOf(facts)),
    },
  })
}

const maxKeyNameBytes = 0xffff

/** Whether a wrap can bind these facts: a row that somebody else has written may hold an infinite time or a very long name. */
export function canBind({ keyName = '', createdAtMs }: CipherkeyFacts): boolean {
  return (
    Number.isSafeInteger(createdAtMs) &&
    keyName.isWellFormed() &&
    Buffer.byteLength(keyName, 'utf8') <= maxKeyNameBytes
  )
}

function pairsOf(facts: CipherkeyFacts): Record<string, string> {
  if (!canBind(facts)) throw new RangeError('"facts" expected whole milliseconds and a short name')
  const { keyName, createdAtMs } = facts
  return { createdAt: String(createdAtMs), ...(keyName !== undefined && { keyName }) }
}

/**
 * Answers `wrappedDataKeyBytes` bytes. They are bound to the tenant, to the ids and versions of both keys, and under a tenant
 * key of format 2 to the facts.
 *
 * @throws RangeError under a tenant key of format 2 for facts that `canBind` refuses
 */
export function wrapDataKey(tenantKey: TenantKey, dataKey: DataKey, facts: CipherkeyFacts): Buffer {
  if (dataKey.key.symmetricKeySize !== keyBytes)
    throw new RangeError(`"dataKey" expected a secret key of ${keyBytes} bytes`)
  const bytes = dataKey.key.export()
  try {
    return seal(tenantKey.key, wrapContext(tenantKey, dataKey, facts), bytes)
  } finally {
    bytes.fill(0)
  }
}

/**
 * Unwraps the bytes that `wrapDataKey` made. The caller compares the key check value next.
 *
 * @throws KeyholdError `ERR_KEY_INTEGRITY` for another tenant key, another identity, other facts under a tenant key of format
 * 2, and any change of the bytes
 */
export function unwrapDataKey(
  tenantKey: TenantKey,
  ref: DataKeyRef,
  facts: CipherkeyFacts,
  wrapped: Uint8Array,
): DataKey {
  let bytes: Buffer
  try {
    bytes = open(tenantKey.key, wrapContext(tenantKey, ref, facts), wrapped)
  } catch (cause) {
    throw new KeyholdError('ERR_KEY_INTEGRITY', { cause })
  }
  if (bytes.length !== keyBytes) throw new KeyholdError('ERR_KEY_INTEGRITY')
  return { tenantId: ref.tenantId, id: ref.id, version: ref.version, key: keyFromBytes(bytes) }
}
