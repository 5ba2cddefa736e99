// The other side at its fastest: AES-256-GCM of node:crypto with a KeyObject and nothing else. It has no commitment and
// no context, and after 2^32 values the key is worn out.
import { generateKey } from '@keyhold/core'
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { pooledNonce } from '../pooled-nonce.ts'
import type { ValueWork } from './value-peer.ts'

const nonceBytes = 12
const tagBytes = 16
const options = { authTagLength: tagBytes }

interface Encrypted {
  nonce: Buffer
  ciphertext: Buffer
  tag: Buffer
}

/** The parts as they come; they are not put together. */
export function preparePlainGcm(plaintext: Buffer): ValueWork {
  const key = generateKey()
  const encrypted = encrypt(key, plaintext)
  const kept = { ...encrypted, nonce: Buffer.from(encrypted.nonce) }
  return { encrypt: () => encrypt(key, plaintext), decrypt: () => decrypt(key, kept) }
}

/** One text in base64url, like a token. */
export function preparePlainGcmText(plaintext: Buffer): ValueWork {
  const key = generateKey()

  function encryptText(): string {
    const { nonce, ciphertext, tag } = encrypt(key, plaintext)
    return Buffer.concat([nonce, ciphertext, tag]).toString('base64url')
  }

  const text = encryptText()

  function decryptText(): Buffer {
    const bytes = Buffer.from(text, 'base64url')
    const tagAt = bytes.length - tagBytes
    return decrypt(key, {
      nonce: bytes.subarray(0, nonceBytes),
      ciphertext: bytes.subarray(nonceBytes, tagAt),
      tag: bytes.subarray(tagAt),
    })
  }
  return { encrypt: encryptText, decrypt: decryptText }
}

function encrypt(key: KeyObject, plaintext: Buffer): Encrypted {
  const nonce = pooledNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce, options)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return { nonce, ciphertext, tag: cipher.getAuthTag() }
}

function decrypt(key: KeyObject, { nonce, ciphertext, tag }: Encrypted): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, options)
  decipher.setAuthTag(tag)
  const bytes = decipher.update(ciphertext)
  decipher.final()
  return bytes
}
