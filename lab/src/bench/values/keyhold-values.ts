// Our side: a value to a token and back, as in the server, and the sealing alone.
import {
  decryptValue,
  encodeContext,
  contextPurpose,
  encryptValue,
  generateKey,
  open,
  parseToken,
  seal,
} from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import type { ValueWork } from './value-peer.ts'

export const encryptionContext = { purpose: 'benchmark' }

/** From bytes to the text of a token, and from the text to bytes. */
export function prepareTokens(plaintext: Buffer): ValueWork {
  const dataKey = { tenantId: 'benchmark', id: randomUUID(), version: 1, key: generateKey() }
  const token = encryptValue(dataKey, encryptionContext, plaintext)
  return {
    encrypt: () => encryptValue(dataKey, encryptionContext, plaintext),
    decrypt: () => decryptValue(dataKey, encryptionContext, parseToken(token)),
  }
}

/** From bytes to bytes, without header and text: derivation, commitment, GCM. */
export function prepareSeals(plaintext: Buffer): ValueWork {
  const key = generateKey()
  const context = encodeContext({
    purpose: contextPurpose.value,
    tenantId: 'benchmark',
    objectId: randomUUID(),
    version: 1,
    pairs: encryptionContext,
  })
  const sealed = seal(key, context, plaintext)
  return { encrypt: () => seal(key, context, plaintext), decrypt: () => open(key, context, sealed) }
}
