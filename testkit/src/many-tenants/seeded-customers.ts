// Customers by their number: the id of the tenant, and the KEK of those that have one. All follows from a seed, so that the
// local KMS and the threads that write rows know the same ones without telling each other.
import type { InitialKey } from '@keyhold/local-kms'
import { createHash } from 'node:crypto'
import { ownRegion } from '../customer/customer-kms.ts'
import { customerAccount, customerKeyPolicy } from '../customer/key-policy.ts'

// One of so many tenants stays with the internal KMS.
const internalEvery = 10

export function tenantIdOf(seed: string, number: number): string {
  return bytesOf(seed, number, 'tenant').subarray(0, 24).toString('base64url')
}

export function hasOwnKey(number: number): boolean {
  return number % internalEvery !== 0
}

/** The KEK of a tenant as the local KMS has it. */
export function kekOf(seed: string, number: number): InitialKey {
  const hex = bytesOf(seed, number, 'key id').toString('hex')
  return {
    account: customerAccount,
    keyId: hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-a$4-$5'),
    region: ownRegion,
    policy: customerKeyPolicy([tenantIdOf(seed, number)]),
    material: {
      id: bytesOf(seed, number, 'material id').toString('hex'),
      secret: bytesOf(seed, number, 'material').toString('base64'),
    },
  }
}

export function kekArnOf({ account, keyId, region }: InitialKey): string {
  return `arn:aws:kms:${region}:${account}:key/${keyId}`
}

/** The KEKs of the tenants below a number. */
export function* keksOf(seed: string, tenants: number): Generator<InitialKey> {
  for (let number = 0; number < tenants; number++) if (hasOwnKey(number)) yield kekOf(seed, number)
}

function bytesOf(seed: string, number: number, use: string): Buffer {
  return createHash('sha256').update(`${seed}/${number}/${use}`).digest()
}
