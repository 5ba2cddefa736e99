// A key that is there from the start: whoever starts the local KMS knows its material, and may seal under it without a call.
import { type EncryptionContext, seal } from './ciphertext.ts'
import { keyIn, type KeyMaterial, type KeyRecord } from './key-record.ts'

/** An enabled key of one Region that encrypts and decrypts. */
export interface InitialKey {
  account: string
  /** A UUID. */
  keyId: string
  region: string
  /** JSON. */
  policy: string
  material: KeyMaterial
}

export function initialRecord(
  { account, keyId, region, policy, material }: InitialKey,
  nowMs: number,
): KeyRecord {
  return {
    account,
    keyId,
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    multiRegion: false,
    primaryRegion: region,
    materials: [material],
    regions: {
      [region]: { created: nowMs, readyAt: nowMs, description: '', enabled: true, policy, tags: [] },
    },
  }
}

/** The blob that Encrypt would answer. */
export function sealUnder(initial: InitialKey, plaintext: Buffer, context: EncryptionContext): Buffer {
  const key = keyIn(initialRecord(initial, 0), initial.region)
  if (key === undefined) throw new Error('the key is not in its Region')
  return seal(key, plaintext, context)
}
