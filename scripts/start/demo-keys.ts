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
  const client = new KMSClient({
    region: primaryRegion,
    endpoint,
    credentials: { accessKeyId: customerAccount, secretAccessKey: localKmsSecret },
  })
  try {
    const policy = keyPolicy(tenantId)
    return [
      await provideKey(client, 'alias/keyhold-demo-1', policy),
      await provideKey(client, 'alias/keyhold-demo-2', policy),
    ]
  } finally {
    client.destroy()
  }
}

async function provideKey(client: KMSClient, alias: string, policy: string): Promise<string> {
  const existing = await findKey(client, alias)
  if (existing !== undefined) return existing
  const { KeyMetadata: key } = await client.send(
    new CreateKeyCommand({ MultiRegion: true, Policy: policy, Description: 'Demo key of a Keyhold tenant' }),
  )
  if (key?.Arn === undefined) throw new Error('local-kms made a key without an ARN')
  await client.send(
    new ReplicateKeyCommand({ KeyId: key.KeyId, ReplicaRegion: replicaRegion, Policy: policy }),
  )
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key.KeyId }))
  return key.Arn
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
