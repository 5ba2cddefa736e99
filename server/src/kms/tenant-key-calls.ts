// The two calls to AWS KMS that concern a tenant key: to open a stored one, and to make a new one. No answer of another key is
// taken.
import { DecryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms'
import {
  encodeByokWrap,
  keyArnFingerprint,
  keyBytes,
  keyFromBytes,
  KeyholdError,
  parseByokWrap,
} from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import type { Target } from './ask-regions.ts'
import type { AwsCall } from './aws-call.ts'

// AWS's limit for a CiphertextBlob.
const maxBlobBytes = 6_144

/** @throws KeyholdError `ERR_KEY_INTEGRITY` for a wrap of another key */
export function blobIn(wrapped: Buffer, keyArn: string): Uint8Array {
  const { fingerprint, ciphertextBlob } = parseByokWrap(wrapped.toString('latin1'))
  if (fingerprint !== keyArnFingerprint(keyArn)) throw new KeyholdError('ERR_KEY_INTEGRITY')
  return ciphertextBlob
}

export async function unwrapAt(
  send: AwsCall,
  { keyArn, region, options }: Target,
  ciphertextBlob: Uint8Array,
  tenantId: string,
): Promise<KeyObject> {
  const command = new DecryptCommand({
    KeyId: keyArn,
    CiphertextBlob: ciphertextBlob,
    EncryptionContext: { tenantId },
  })
  const subject = { action: 'Decrypt', region, keyArn, tenantId }
  const answer = await send(subject, (client, o) => client.send(command, o), options)
  if (answer.KeyId !== keyArn || answer.Plaintext?.length !== keyBytes) {
    throw new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', { details: { action: 'Decrypt', region } })
  }
  return keyFromBytes(answer.Plaintext)
}

/** @param pinnedArn - the key as it is registered, which the wrap names */
export async function createAt(
  send: AwsCall,
  { keyArn, region, options }: Target,
  pinnedArn: string,
  tenantId: string,
): Promise<{ key: KeyObject; wrapped: Buffer }> {
  const command = new GenerateDataKeyCommand({
    KeyId: keyArn,
    KeySpec: 'AES_256',
    EncryptionContext: { tenantId },
  })
  const subject = { action: 'GenerateDataKey', region, keyArn, tenantId }
  const answer = await send(subject, (client, o) => client.send(command, o), options)
  const { Plaintext: plaintext, CiphertextBlob: blob } = answer
  if (answer.KeyId !== keyArn || plaintext?.length !== keyBytes || !isStorable(blob)) {
    throw new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', { details: { action: 'GenerateDataKey', region } })
  }
  // Whichever region made it: the same key opens it in every region.
  const wrap = encodeByokWrap(keyArnFingerprint(pinnedArn), blob)
  return { key: keyFromBytes(plaintext), wrapped: Buffer.from(wrap, 'ascii') }
}

function isStorable(blob: Uint8Array | undefined): blob is Uint8Array {
  return blob !== undefined && blob.length >= 1 && blob.length <= maxBlobBytes
}
