// Rows as other parts of the server leave them, with bytes that no test opens.
import { randomBytes, randomUUID } from 'node:crypto'
import type { NewCipherkey } from '../../src/store/cipherkeys.ts'
import type { NewKeyJob } from '../../src/store/key-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import type { TenantKeyRow } from '../../src/store/tenant-keys.ts'

export const tenantId = 'tenant-1'

export function tenantKeyRow(
  changes: Partial<TenantKeyRow> = {},
): TenantKeyRow & { wrapped: Buffer<ArrayBuffer> } {
  return {
    tenantId,
    version: 1,
    id: randomUUID(),
    state: 'active',
    keyArn: 'keyhold:root-key/0123456789abcdef',
    keyCheckValue: randomBytes(32),
    ...changes,
    wrapped: randomBytes(104),
  }
}

export function newCipherkey(changes: Partial<NewCipherkey> = {}): NewCipherkey {
  return {
    tenantId,
    dataKeyId: randomUUID(),
    version: 1,
    tenantKeyVersion: 1,
    wrapped: randomBytes(104),
    keyCheckValue: randomBytes(32),
    keyName: `name-${randomUUID()}`,
    ...changes,
  }
}

export function newKeyJob(changes: Partial<NewKeyJob> = {}): NewKeyJob {
  return {
    id: randomUUID(),
    tenantId,
    kind: 'migrate',
    sourceFingerprint: tenantId,
    sourceKeyArn: 'keyhold:root-key/0123456789abcdef',
    sourceVersion: 1,
    targetFingerprint: 'f'.repeat(32),
    targetKeyArn: 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000001',
    ...changes,
  }
}

/** A tenant with one active tenant key version. */
export async function insertTenant(store: Store, id = tenantId): Promise<TenantKeyRow & { wrapped: Buffer }> {
  const tenantKey = tenantKeyRow({ tenantId: id })
  await store.transaction(async (transaction) => {
    await transaction.tenants.insert({ id, name: 'a tenant', activeTenantKeyVersion: 1 })
    await transaction.tenantKeys.insert(tenantKey)
  })
  return tenantKey
}
