// Encrypts a value under a data key to a token, and decrypts it.
import { open, openInSteps, sealedLength, sealInto, sealIntoInSteps } from './cobblestone.ts'
import { appendPairs, contextPurpose, encodeContextStart, type EncryptionContext } from './context/context.ts'
import type { DataKey } from './data-key.ts'
import { KeyholdError } from './errors.ts'
import { keptBytes } from './kept-bytes.ts'
import { encodeHeader, encodeToken, headerBytes, type ParsedToken } from './token.ts'

// The header and the start of the context, which all values of a data key have in common. The header has a fixed
// length, so header and context cannot run together.
const commonParts = new WeakMap<DataKey, Buffer>()

function commonPart(dataKey: DataKey): Buffer {
  let bytes = commonParts.get(dataKey)
  if (bytes === undefined) {
    const header = encodeHeader({ dataKeyId: dataKey.id, version: dataKey.version })
    const { tenantId, id: objectId, version } = dataKey
    bytes = keptBytes(
      header,
      encodeContextStart({ purpose: contextPurpose.value, tenantId, objectId, version }),
    )
    commonParts.set(dataKey, bytes)
  }
  return bytes
}

/**
 * Encrypts a value, bound to tenant, data key, version and `context`.
 *
 * @param context - checked by `checkEncryptionContext`
 */
export function encryptValue(dataKey: DataKey, context: EncryptionContext, plaintext: Uint8Array): string {
  const common = commonPart(dataKey)
  const bytes = tokenBytes(common, plaintext)
  sealInto(bytes.subarray(headerBytes), dataKey.key, appendPairs(common, context), plaintext)
  return encodeToken(bytes)
}

/** Like `encryptValue`, but it stops after each MiB, and answers the token's bytes: header and sealed value. */
export function* encryptValueInSteps(
  dataKey: DataKey,
  context: EncryptionContext,
  plaintext: Uint8Array,
): Generator<void, Buffer> {
  const common = commonPart(dataKey)
  const bytes = tokenBytes(common, plaintext)
  yield* sealIntoInSteps(bytes.subarray(headerBytes), dataKey.key, appendPairs(common, context), plaintext)
  return bytes
}

/** The bytes of a token with its header, and room for the sealed value. */
function tokenBytes(common: Buffer, plaintext: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + sealedLength(plaintext.length))
  common.copy(bytes, 0, 0, headerBytes)
  return bytes
}

/**
 * Decrypts a parsed token with the data key that its header names.
 *
 * @throws KeyholdError `ERR_DECRYPTION_FAILED` for a wrong key, tenant, context or byte alike
 */
export function decryptValue(dataKey: DataKey, context: EncryptionContext, token: ParsedToken): Buffer {
  const common = commonPartOf(dataKey, token)
  return open(dataKey.key, appendPairs(common, context), token.sealed)
}

/**
 * Like `decryptValue`, but it stops after each MiB.
 *
 * @throws KeyholdError `ERR_DECRYPTION_FAILED`, from any step
 */
export function* decryptValueInSteps(
  dataKey: DataKey,
  context: EncryptionContext,
  token: ParsedToken,
): Generator<void, Buffer> {
  const common = commonPartOf(dataKey, token)
  return yield* openInSteps(dataKey.key, appendPairs(common, context), token.sealed)
}

// The token's header has parsed, so it has only one form. A token of another data key fails here like a damaged one.
function commonPartOf(dataKey: DataKey, token: ParsedToken): Buffer {
  const common = commonPart(dataKey)
  if (!token.headerBytes.equals(common.subarray(0, headerBytes)))
    throw new KeyholdError('ERR_DECRYPTION_FAILED')
  return common
}
