// The customer of one tenant: a multi-region key with a replica and an alias, and everything that its administrator can
// do to them in AWS, with the customer's own credentials.
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { createKeyWith, replicateKey } from './create-customer-key.ts'
import { openCustomerKms, ownRegion, replicaRegion } from './customer-kms.ts'
import { customerKeyPolicy } from './key-policy.ts'

export interface Customer {
  readonly tenantId: string
  /** In its own region. */
  readonly keyArn: string
  readonly replicaArn: string
  readonly keyId: string
  readonly aliasArn: string
  /** Sets the policy of the key in one region; `customerKeyPolicy` makes one. */
  putPolicy(region: string, policy: string): Promise<void>
  disable(region: string): Promise<void>
  enable(region: string): Promise<void>
  /** Schedules the deletion of the key in its own region. */
  scheduleDeletion(): Promise<void>
  /** Cancels it, and enables the key, which AWS leaves disabled. */
  cancelDeletion(): Promise<void>
  /** Lets the alias name another key of the customer's, or the first one again. */
  moveAlias(to: 'another key' | 'the key'): Promise<void>
  close(): void
}

export type CustomerKind = 'with a replica' | 'replica without a policy' | 'single region'

export interface CustomerOptions {
  tenantId: string
  /** Default: with a replica, which Keyhold may use. */
  kind?: CustomerKind
}

/** Makes the key, its replica and its alias. */
export async function createCustomer(
  kmsUrl: string,
  { tenantId, kind = 'with a replica' }: CustomerOptions,
): Promise<Customer> {
  const clients = new Map<string, KMSClient>()
  const clientIn = (region: string) => {
    const client = clients.get(region) ?? openCustomerKms(kmsUrl, region)
    clients.set(region, client)
    return client
  }
  const own = clientIn(ownRegion)
  const isMultiRegion = kind !== 'single region'
  const createKey = () =>
    createKeyWith(own, { MultiRegion: isMultiRegion, Policy: customerKeyPolicy([tenantId]) })
  const { keyArn, keyId } = await createKey()
  if (isMultiRegion) {
    const policy = customerKeyPolicy([tenantId], { allowsUse: kind === 'with a replica' })
    await replicateKey(own, keyId, policy)
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
    async putPolicy(region, policy) {
      await clientIn(region).send(new PutKeyPolicyCommand({ KeyId: keyId, Policy: policy }))
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
