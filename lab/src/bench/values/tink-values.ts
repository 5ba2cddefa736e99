// tink-crypto: AES-256-GCM from its key template.
import { encryptionContext } from './keyhold-values.ts'
import type { ValueWork } from './value-peer.ts'

export async function prepareTink(plaintext: Buffer): Promise<ValueWork> {
  // It was made for browsers and reads their global object when it loads.
  Object.assign(globalThis, { self: globalThis })
  const { default: tink } = await import('tink-crypto')
  tink.aead.register()
  const handle = await tink.generateNewKeysetHandle(tink.aead.aes256GcmKeyTemplate())
  const primitive = await handle.getPrimitive(tink.aead.Aead)
  const associated = Buffer.from(JSON.stringify(encryptionContext))
  const encrypted = await primitive.encrypt(plaintext, associated)
  return {
    encrypt: () => primitive.encrypt(plaintext, associated),
    decrypt: () => primitive.decrypt(encrypted, associated),
  }
}
