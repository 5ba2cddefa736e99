// Encrypting a value under a data key: what stands between a plaintext and its token.
import { contextPurpose, encodeContext, type EncryptionContext } from './context.ts'
import { open, seal } from './cobblestone.ts'
import type { DataKey } from './data-key.ts'
import { encodeHeader, encodeToken, type ParsedToken } from './token.ts'

// The header comes first and has a fixed length, so header and context can't run into each other.
function valueContext(dataKey: DataKey, header: Buffer, context: EncryptionContext): Buffer {
  const encoded = encodeContext({
    purpose: contextPurpose.value,
    tenantId: dataKey.tenantId,
    objectId: dataKey.id,
    version: dataKey.version,
    pairs: context,
  })
  return Buffer.concat([header, encoded], header.length + encoded.length)
}

/**
 * Encrypts a value, bound to tenant, data key, version and `context`.
 *
 * @param context - checked by `checkEncryptionContext`
 */
export function encryptValue(dataKey: DataKey, context: EncryptionContext, plaintext: Uint8Array): string {
  const header = encodeHeader({ dataKeyId: dataKey.id, version: dataKey.version })
  return encodeToken(header, seal(dataKey.key, valueContext(dataKey, header, context), plaintext))
}

/**
 * Decrypts a parsed token with the data key that its header names.
 *
 * @throws KeyholdError `ERR_DECRYPTION_FAILED` for a wrong key, tenant, context or byte alike
 */
export function decryptValue(dataKey: DataKey, context: EncryptionContext, token: ParsedToken): Buffer {
  return open(dataKey.key, valueContext(dataKey, token.headerBytes, context), token.sealed)
}
