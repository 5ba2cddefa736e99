// A customer's key in the local KMS.
import { CreateKeyCommand, type CreateKeyCommandInput, type KMSClient } from '@aws-sdk/client-kms'
import { openCustomerKms } from './customer-kms.ts'
import { customerKeyPolicy } from './key-policy.ts'

export interface CreatedKey {
  keyArn: string
  keyId: string
}

/** Makes a key as `input` describes it. */
export async function createKeyWith(kms: KMSClient, input: CreateKeyCommandInput): Promise<CreatedKey> {
  const { KeyMetadata: metadata } = await kms.send(new CreateKeyCommand(input))
  if (metadata?.Arn === undefined || metadata.KeyId === undefined) throw new Error('the KMS answered no ARN')
  return { keyArn: metadata.Arn, keyId: metadata.KeyId }
}

/** Makes a multi-region key without a replica, which Keyhold may use for every tenant; answers its ARN. */
export async function createCustomerKey(kmsUrl: string): Promise<string> {
  const kms = openCustomerKms(kmsUrl)
  try {
    return (await createKeyWith(kms, { MultiRegion: true, Policy: customerKeyPolicy() })).keyArn
  } finally {
    kms.destroy()
  }
}
