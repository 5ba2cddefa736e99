// A customer's key in the local KMS.
import {
  CreateKeyCommand,
  ReplicateKeyCommand,
  type CreateKeyCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCustomerKms, replicaRegion } from './customer-kms.ts'
import { customerKeyPolicy } from './key-policy.ts'

// A replica has the state "Creating" for a moment.
const creatingMs = 250

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

/** Makes the replica of a multi-region key, with a policy of its own. */
export async function replicateKey(kms: KMSClient, keyId: string, policy: string): Promise<void> {
  await kms.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: replicaRegion, Policy: policy }))
  await sleep(creatingMs)
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
