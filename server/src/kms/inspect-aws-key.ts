// A real look at a customer's key: what AWS says of it, and a round trip with each needed action in every region.
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KeyMetadata,
} from '@aws-sdk/client-kms'
import {
  isKeyholdError,
  keyArnInRegion,
  KeyholdError,
  parseKeyArn,
  type KeyInspection,
  type KmsCallOptions,
} from '@keyhold/core'
import { timingSafeEqual } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { AwsCall } from './aws-call.ts'

// A replica that has just been ordered is unusable for a moment; whoever registers the key then need not do it again.
const replicaAttempts = 4
const replicaPauseMs = 300

const compliant = { code: '', region: '', message: '' }

/**
 * Inspects the key that a key ARN or alias ARN names.
 *
 * @throws KeyholdError `Encryption-88` when the policy lacks an action in the key's own region, else `ERR_KMS_…`
 */
export async function inspectAwsKey(
  call: AwsCall,
  arn: string,
  tenantId: string,
  options?: KmsCallOptions,
): Promise<KeyInspection> {
  const { region } = parseKeyArn(arn)
  const metadata = await describe(call, arn, region, options)
  const key = parseKeyArn(metadata.Arn ?? '')
  const isAlias = parseKeyArn(arn).keyId === undefined
  if (!isAlias && key.arn !== arn) throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
  checkUsable(metadata, region)
  await roundTrip(call, key.arn, region, tenantId, options)

  const regions = metadata.MultiRegion === true ? otherRegions(metadata, region) : []
  const replicaKeys = regions.flatMap((other) => {
    const keyArn = keyArnInRegion(key, other)
    return keyArn === undefined ? [] : [{ keyArn, region: other }]
  })
  const complianceErrors = await Promise.all(
    replicaKeys.map((replica) => tryReplica(call, replica.keyArn, replica.region, tenantId, options)),
  )
  const complianceError =
    complianceErrors.find((error) => error.code !== '') ?? missingReplica(metadata, region)
  return {
    keyArn: key.arn,
    multiRegion: metadata.MultiRegion === true,
    replicaKeys,
    drCompliant: complianceError.code === '',
    complianceError,
  }
}

async function describe(
  call: AwsCall,
  keyId: string,
  region: string,
  options?: KmsCallOptions,
): Promise<KeyMetadata> {
  const command = new DescribeKeyCommand({ KeyId: keyId })
  const answer = await explainDenial(
    call('DescribeKey', region, (client, o) => client.send(command, o), options),
  )
  if (answer.KeyMetadata === undefined) throw new KeyholdError('ERR_KMS_FAILED')
  return answer.KeyMetadata
}

function checkUsable(metadata: KeyMetadata, region: string): void {
  const details = { action: 'DescribeKey', region }
  if (metadata.KeySpec !== 'SYMMETRIC_DEFAULT' || metadata.KeyUsage !== 'ENCRYPT_DECRYPT') {
    throw new KeyholdError('ERR_KMS_KEY_WRONG_USAGE', { details })
  }
  switch (metadata.KeyState) {
    case 'Enabled':
      return
    case 'Disabled':
      throw new KeyholdError('ERR_KMS_KEY_DISABLED', { details })
    case 'PendingDeletion':
    case 'PendingReplicaDeletion':
      throw new KeyholdError('ERR_KMS_KEY_PENDING_DELETION', { details })
    default:
      throw new KeyholdError('ERR_KMS_KEY_NOT_READY', { details })
  }
}

async function roundTrip(
  call: AwsCall,
  keyArn: string,
  region: string,
  tenantId: string,
  options?: KmsCallOptions,
): Promise<void> {
  const context = { EncryptionContext: { tenantId } }
  const generate = new GenerateDataKeyCommand({ KeyId: keyArn, KeySpec: 'AES_256', ...context })
  const generated = await explainDenial(
    call('GenerateDataKey', region, (client, o) => client.send(generate, o), options),
  )
  const decrypt = new DecryptCommand({ KeyId: keyArn, CiphertextBlob: generated.CiphertextBlob, ...context })
  const decrypted = await explainDenial(
    call('Decrypt', region, (client, o) => client.send(decrypt, o), options),
  )
  const before = generated.Plaintext ?? Buffer.alloc(0)
  const after = decrypted.Plaintext ?? Buffer.alloc(1)
  const isSame = before.length === after.length && timingSafeEqual(before, after)
  before.fill(0)
  after.fill(0)
  if (!isSame || generated.KeyId !== keyArn || decrypted.KeyId !== keyArn) {
    throw new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', { details: { action: 'Decrypt', region } })
  }
}

/** Turns a denial into the error that names the missing action. */
async function explainDenial<Output>(answer: Promise<Output>): Promise<Output> {
  try {
    return await answer
  } catch (error) {
    if (!isKeyholdError(error, 'ERR_KMS_DENIED')) throw error
    const { action = '', region = '' } = error.details
    throw new KeyholdError('Encryption-88', {
      message: `The policy of the provided key does not allow the required action [${region}] [${action}].`,
      cause: error,
      details: error.details,
    })
  }
}

function otherRegions(metadata: KeyMetadata, region: string): string[] {
  const { PrimaryKey: primary, ReplicaKeys: replicas = [] } = metadata.MultiRegionConfiguration ?? {}
  return [primary, ...replicas].flatMap((key) =>
    key?.Region === undefined || key.Region === region ? [] : [key.Region],
  )
}

async function tryReplica(
  call: AwsCall,
  keyArn: string,
  region: string,
  tenantId: string,
  options?: KmsCallOptions,
): Promise<KeyInspection['complianceError']> {
  for (let attempt = 1; ; attempt++) {
    try {
      checkUsable(await describe(call, keyArn, region, options), region)
      await roundTrip(call, keyArn, region, tenantId, options)
      return compliant
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      const isBeingMade = isKeyholdError(error, 'ERR_KMS_KEY_NOT_READY') && attempt < replicaAttempts
      if (!isBeingMade) return { code: error.code, region, message: error.message }
    }
    await setTimeout(replicaPauseMs)
  }
}

function missingReplica(metadata: KeyMetadata, region: string): KeyInspection['complianceError'] {
  if (metadata.MultiRegion !== true) {
    return {
      code: 'ERR_KEY_SINGLE_REGION',
      region,
      message: 'The key is a single-region key: no other region can stand in for its own.',
    }
  }
  const hasOther = otherRegions(metadata, region).length > 0
  if (hasOther) return compliant
  return {
    code: 'ERR_KEY_SINGLE_REGION',
    region,
    message: 'The multi-region key has no replica in another region.',
  }
}
