// Rows as other parts of the server leave them, with bytes that no test opens.
import { randomBytes, randomUUID } from 'node:crypto'
import { rewrapRecord, writeRewrapRecord } from '../../src/store/cipherkeys/cipherkey-records.ts'
import type { NewCipherkey } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { NewKeyJob } from '../../src/store/key-jobs/key-jobs.ts'
import type { Store, TransactionStore } from '../../src/store/store.ts'
import type { NewTenantKey } from '../../src/store/tenant-keys/tenant-key-row.ts'

export const tenantId = 'tenant-1'

export function tenantKeyRow(
  changes: Partial<NewTenantKey> = {},
): NewTenantKey & { wrapped: Buffer<ArrayBuffer> } {
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
    createdAtMs: Date.now(),
    ...changes,
  }
}

export function newKeyJob(changes: Partial<NewKeyJob> = {}): NewKeyJob {
  return {
    id: randomUUID(),
    tenantId,
    kind: 'migration',
    sourceFingerprint: tenantId,
    sourceKeyArn: 'keyhold:root-key/0123456789abcdef',
    sourceVersion: 1,
    targetFingerprint: 'f'.repeat(32),
    targetKeyArn: 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000001',
    ...changes,
  }
}

/** A rewrapped cipherkey: takes effect only while the row is as it was read. */
export interface Rewrap {
  dataKeyId: string
  version: number
  oldWrapped: Buffer
  oldTenantKeyVersion: number
  newWrapped: Buffer
}

/** Puts new wraps in place as the copy phase does, and answers how many took effect. */
export function rewrapAll(
  store: Pick<Store, 'cipherkeyChunks'>,
  toTenant: string,
  tenantKeyVersion: number,
  rewraps: Rewrap[],
): Promise<number> {
  const records = Buffer.alloc(rewraps.length * rewrapRecord.bytes)
  const sorted = rewraps.toSorted((a, b) => (a.dataKeyId < b.dataKeyId ? -1 : 1))
  let at = 0
  for (const { dataKeyId, version, oldWrapped, oldTenantKeyVersion, newWrapped } of sorted) {
    const record = { dataKeyId, version, tenantKeyVersion: oldTenantKeyVersion, wrapped: oldWrapped }
    at = writeRewrapRecord(records, at, { ...record, keyCheckValue: Buffer.alloc(32) }, newWrapped)
  }
  return store.cipherkeyChunks.rewrap(toTenant, tenantKeyVersion, records)
}

/** Makes another version the active one of two, as the phases of a key job do; the fence stays where it is. */
export async function activate(store: Store | TransactionStore, version: 1 | 2): Promise<void> {
  if ('withFence' in store) {
    await store.withFence(tenantId, (transaction) => activate(transaction, version))
    return
  }
  await store.tenantKeys.setState(tenantId, version === 1 ? 2 : 1, 'decrypt-only')
  await store.tenantKeys.setState(tenantId, version, 'active')
}

/** A tenant with one active tenant key version. */
export async function insertTenant(store: Store, id = tenantId): Promise<NewTenantKey> {
  const tenantKey = tenantKeyRow({ tenantId: id })
  await store.withFence(id, async (transaction) => {
    await transaction.tenants.insert({ id, name: 'a tenant', activeTenantKeyVersion: 1 })
    await transaction.guards.insert(id)
    await transaction.tenantKeys.insert(tenantKey)
  })
  return tenantKey
}
