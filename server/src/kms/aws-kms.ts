// AWS KMS behind core's Kms interface. Every call goes to the region of the pinned ARN, names that ARN, and accepts no answer from another key.
import { DecryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms'
import {
  encodeByokWrap,
  keyArnFingerprint,
  keyBytes,
  keyFromBytes,
  KeyholdError,
  parseByokWrap,
  parseKeyArn,
  type KeyInspection,
  type Kms,
} from '@keyhold/core'
import { createAwsCall, type AwsKmsOptions } from './aws-call.ts'
import { inspectAwsKey } from './inspect-aws-key.ts'

/** The Kms of customers' keys, and what ends its connections. */
export interface AwsKms extends Kms {
  close(): void
}

// As long as AWS says that a CiphertextBlob can be.
const maxBlobBytes = 6_144

function isStorable(blob: Uint8Array | undefined): blob is Uint8Array {
  return blob !== undefined && blob.length >= 1 && blob.length <= maxBlobBytes
}

export function createAwsKms(options: AwsKmsOptions): AwsKms {
  const { call, close } = createAwsCall(options)
  // Connections of their own: tries of a key that hangs must not hold up what unwraps the keys of other tenants.
  const inspections = createAwsCall(options)
  const inspecting = new Map<string, Promise<KeyInspection>>()

  // One at a time for each tenant and key, however often it is asked for.
  function inspectOnce(keyArn: string, tenantId: string): Promise<KeyInspection> {
    const name = `${tenantId}/${keyArn}`
    let inspection = inspecting.get(name)
    if (inspection === undefined) {
      inspection = inspectAwsKey(inspections.call, keyArn, tenantId).finally(() => inspecting.delete(name))
      inspecting.set(name, inspection)
    }
    return inspection
  }

  return {
    async createTenantKey(keyArn, ref, options) {
      const { region } = parseKeyArn(keyArn)
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: 'AES_256',
        EncryptionContext: { tenantId: ref.tenantId },
      })
      const answer = await call('GenerateDataKey', region, (client, o) => client.send(command, o), options)
      const { Plaintext: plaintext, CiphertextBlob: blob } = answer
      if (answer.KeyId !== keyArn || plaintext?.length !== keyBytes || !isStorable(blob)) {
        throw new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', {
          details: { action: 'GenerateDataKey', region },
        })
      }
      return {
        key: keyFromBytes(plaintext),
        wrapped: Buffer.from(encodeByokWrap(keyArnFingerprint(keyArn), blob), 'ascii'),
      }
    },

    async unwrapTenantKey(keyArn, wrapped, ref, options) {
      const { region } = parseKeyArn(keyArn)
      const { fingerprint, ciphertextBlob } = parseByokWrap(wrapped.toString('latin1'))
      if (fingerprint !== keyArnFingerprint(keyArn)) throw new KeyholdError('ERR_KEY_INTEGRITY')
      const command = new DecryptCommand({
        KeyId: keyArn,
        CiphertextBlob: ciphertextBlob,
        EncryptionContext: { tenantId: ref.tenantId },
      })
      const answer = await call('Decrypt', region, (client, o) => client.send(command, o), options)
      if (answer.KeyId !== keyArn || answer.Plaintext?.length !== keyBytes) {
        throw new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', { details: { action: 'Decrypt', region } })
      }
      return keyFromBytes(answer.Plaintext)
    },

    inspectKey: (keyArn, tenantId) => inspectOnce(keyArn, tenantId),

    close() {
      close()
      inspections.close()
    },
  }
}
