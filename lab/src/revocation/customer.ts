// The customer of one tenant: a multi-region key with a replica and an alias, and everything that its administrator can
// do to them in AWS, with its own credentials.
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { customerCredentials, keyholdAccount } from '../../../testkit/src/customer-key.ts'

export const ownRegion = 'eu-west-1'
export const replicaRegion = 'eu-west-3'

/** Which of Keyhold's statements the key policy has, and for which tenant. */
export interface PolicyForm {
  hasUsage: boolean
  tenantId: string
}

export interface Customer {
  readonly tenantId: string
  /** In its own region. */
  readonly keyArn: string
  readonly replicaArn: string
  readonly keyId: string
  readonly aliasArn: string
  putPolicy(region: string, form: PolicyForm): Promise<void>
  disable(region: string): Promise<void>
  enable(region: string): Promise<void>
  /** Of the key in its own region. */
  scheduleDeletion(): Promise<void>
  /** AWS leaves the key disabled; this enables it too. */
  cancelDeletion(): Promise<void>
  /** Lets the alias name another key of the customer's, or the first one again. */
  moveAlias(to: 'another key' | 'the key'): Promise<void>
  close(): void
}

// A replica is "Creating" for a moment.
const creatingMs = 300

function policyOf({ hasUsage, tenantId }: PolicyForm): string {
  const keyhold = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${keyholdAccount}:root` },
    Resource: '*',
  }
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${customerCredentials.accessKeyId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      ...(hasUsage
        ? [
            {
              ...keyhold,
              Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
              Condition: { StringEquals: { 'kms:EncryptionContext:tenantId': tenantId } },
            },
          ]
        : []),
      { ...keyhold, Action: 'kms:DescribeKey' },
    ],
  })
}

export interface CustomerOptions {
  tenantId: string
  /** Default: its own, with a replica that works. */
  kind?: 'with a replica' | 'replica without a policy' | 'single region'
}

/** Makes the key, its replica and its alias. */
export async function createCustomer(
  kmsUrl: string,
  { tenantId, kind = 'with a replica' }: CustomerOptions,
): Promise<Customer> {
  const clients = new Map<string, KMSClient>()
  const clientIn = (region: string) => {
    const known = clients.get(region)
    if (known !== undefined) return known
    const client = new KMSClient({ region, endpoint: kmsUrl, credentials: customerCredentials })
    clients.set(region, client)
    return client
  }
  const own = clientIn(ownRegion)
  const isMultiRegion = kind !== 'single region'
  const createKey = async () => {
    const command = new CreateKeyCommand({
      MultiRegion: isMultiRegion,
      Policy: policyOf({ hasUsage: true, tenantId }),
    })
    const { KeyMetadata: metadata } = await own.send(command)
    if (metadata?.Arn === undefined || metadata.KeyId === undefined)
      throw new Error('the KMS answered no ARN')
    return { keyArn: metadata.Arn, keyId: metadata.KeyId }
  }
  const { keyArn, keyId } = await createKey()
  if (isMultiRegion) {
    const hasUsage = kind === 'with a replica'
    await own.send(
      new ReplicateKeyCommand({
        KeyId: keyId,
        ReplicaRegion: replicaRegion,
        Policy: policyOf({ hasUsage, tenantId }),
      }),
    )
    await sleep(creatingMs)
  }
  const aliasName = `alias/keyhold-${keyId}`
  await own.send(new CreateAliasCommand({ AliasName: aliasName, TargetKeyId: keyId }))
  let otherKeyId: string | undefined

  return {
    tenantId,
    keyArn,
    replicaArn: keyArn.replace(ownRegion, replicaRegion),
    keyId,
    aliasArn: keyArn.replace(/key\/.*$/, aliasName),
    async putPolicy(region, form) {
      await clientIn(region).send(new PutKeyPolicyCommand({ KeyId: keyId, Policy: policyOf(form) }))
    },
    async disable(region) {
      await clientIn(region).send(new DisableKeyCommand({ KeyId: keyId }))
    },
    async enable(region) {
      await clientIn(region).send(new EnableKeyCommand({ KeyId: keyId }))
    },
    async scheduleDeletion() {
      await own.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }))
    },
    async cancelDeletion() {
      await own.send(new CancelKeyDeletionCommand({ KeyId: keyId }))
      await own.send(new EnableKeyCommand({ KeyId: keyId }))
    },
    async moveAlias(to) {
      if (to === 'another key') otherKeyId ??= (await createKey()).keyId
      const target = to === 'the key' ? keyId : otherKeyId
      await own.send(new UpdateAliasCommand({ AliasName: aliasName, TargetKeyId: target }))
    },
    close() {
      for (const client of clients.values()) client.destroy()
    },
  }
}
