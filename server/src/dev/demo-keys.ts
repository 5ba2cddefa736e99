// The demo customer's two keys in local-kms: multi-region, with a replica, and with the policy that a customer would
// write for Keyhold. Made once; later starts find them by their aliases.
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  KMSClient,
  NotFoundException,
  ReplicateKeyCommand,
} from '@aws-sdk/client-kms'
import { setTimeout } from 'node:timers/promises'

/** Keyhold's own account in local-kms. */
export const keyholdAccount = '111122223333'
/** The customer's: another one, as in real life. */
export const customerAccount = '444455556666'
/** The secret of every account in local-kms. */
export const localKmsSecret = 'test'
export const primaryRegion = 'eu-west-1'
const replicaRegion = 'eu-west-3'

function keyPolicy(tenantId: string): string {
  const keyhold = { AWS: `arn:aws:iam::${keyholdAccount}:root` }
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'TheCustomerOwnsTheKey',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${customerAccount}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      {
        Sid: 'KeyholdMayUseItForThisTenantAlone',
        Effect: 'Allow',
        Principal: keyhold,
        Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
        Resource: '*',
        Condition: { StringEquals: { 'kms:EncryptionContext:tenantId': tenantId } },
      },
      {
        Sid: 'KeyholdMayLookAtIt',
        Effect: 'Allow',
        Principal: keyhold,
        Action: 'kms:DescribeKey',
        Resource: '*',
      },
    ],
  })
}

/** Finds or makes the demo keys and answers their ARNs. */
export async function provideDemoKeys(endpoint: string, tenantId: string): Promise<[string, string]> {
  const policy = keyPolicy(tenantId)
  const [primary, replica] = [
    customerClient(endpoint, primaryRegion),
    customerClient(endpoint, replicaRegion),
  ]
  try {
    return [
      await provideKey(primary, replica, 'alias/keyhold-demo-1', policy),
      await provideKey(primary, replica, 'alias/keyhold-demo-2', policy),
    ]
  } finally {
    primary.destroy()
    replica.destroy()
  }
}

function customerClient(endpoint: string, region: string): KMSClient {
  const credentials = { accessKeyId: customerAccount, secretAccessKey: localKmsSecret }
  return new KMSClient({ region, endpoint, credentials })
}

async function provideKey(
  primary: KMSClient,
  replica: KMSClient,
  alias: string,
  policy: string,
): Promise<string> {
  const existing = await findKey(primary, alias)
  if (existing !== undefined) return existing
  const { KeyMetadata: key } = await primary.send(
    new CreateKeyCommand({ MultiRegion: true, Policy: policy, Description: 'Demo key of a Keyhold tenant' }),
  )
  const { KeyId: keyId, Arn: arn } = key ?? {}
  if (keyId === undefined || arn === undefined) throw new Error('local-kms made a key without an ARN')
  await primary.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: replicaRegion, Policy: policy }))
  await waitUntilEnabled(replica, keyId)
  await primary.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }))
  return arn
}

// A replica is "Creating" for a moment, and unusable until then.
async function waitUntilEnabled(replica: KMSClient, keyId: string): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { KeyMetadata: key } = await replica.send(new DescribeKeyCommand({ KeyId: keyId }))
    if (key?.KeyState === 'Enabled') return
    await setTimeout(50)
  }
  throw new Error('local-kms does not finish a replica')
}

async function findKey(client: KMSClient, alias: string): Promise<string | undefined> {
  try {
    const { KeyMetadata: key } = await client.send(new DescribeKeyCommand({ KeyId: alias }))
    return key?.Arn
  } catch (error) {
    if (error instanceof NotFoundException) return undefined
    throw error
  }
}
