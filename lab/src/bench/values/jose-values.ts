// jose: a compact JWE with a shared key, which is text like a token.
import { generateKey } from '@keyhold/core'
import { compactDecrypt, CompactEncrypt } from 'jose'
import { webcrypto } from 'node:crypto'
import type { ValueWork } from './value-peer.ts'

const header = { alg: 'dir', enc: 'A256GCM' }

export async function prepareJose(plaintext: Buffer): Promise<ValueWork> {
  // Imported once: with bytes, jose would import the key for every value.
  const key = await webcrypto.subtle.importKey('raw', generateKey().export(), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ])
  const encrypt = () => new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(key)
  const encrypted = await encrypt()
  return { encrypt, decrypt: () => compactDecrypt(encrypted, key) }
}
