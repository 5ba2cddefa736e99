// A keyring over a real database, with a clock that the test moves and a KMS that counts, fails and waits on demand.
import { keyCheckValue, KeyholdError, type ErrorCode, type Kms } from '@keyhold/core'
import { createSecretKey, randomBytes } from 'node:crypto'
import { createDataKeyCache, type DataKeyCache } from '../../src/keyring/data-key-cache.ts'
import { createDataKeyLeases, type DataKeyLeases } from '../../src/keyring/data-key-leases.ts'
import { newId } from '../../src/keyring/new-id.ts'
import { createTenantKeyCache, type TenantKeyCache } from '../../src/keyring/tenant-key-cache.ts'
import { createInternalKms, rootKeyArn } from '../../src/kms/internal-kms.ts'
import type { Store } from '../../src/store/store.ts'
import type { TestStores } from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { resign } from '../../../testkit/src/database/resign.ts'

export const ttlMs = 60_000

/** Keys of two KEKs, so that one can fail while the other works. */
export interface CountingKms extends Kms {
  readonly arns: readonly [string, string]
  /** How many tenant keys were asked to be unwrapped, of all KEKs or of one. */
  calls(keyArn?: string): number
  callsOf(tenantId: string): number
  /** From now on every call for the KEK fails so; undefined: it works again. */
  fail(keyArn: string, code: ErrorCode | undefined): void
  /** From now on every call for the KEK and the tenant fails so. */
  deny(keyArn: string, tenantId: string, code: ErrorCode): void
  /** From now on calls wait until the answer to this is called. */
  hold(): () => void
}

export function createCountingKms(): CountingKms {
  const roots = ['00000000000000aa', '00000000000000bb'].map((id) => ({
    id,
    key: createSecretKey(randomBytes(32)),
  }))
  const arns = [rootKeyArn('00000000000000aa'), rootKeyArn('00000000000000bb')] as const
  const inner = new Map(roots.map((root) => [rootKeyArn(root.id), createInternalKms(root)]))
  const counts = new Map<string, number>()
  const tenantCounts = new Map<string, number>()
  const failures = new Map<string, ErrorCode>()
  let gate = Promise.resolve()

  function kmsOf(keyArn: string): Kms {
    const kms = inner.get(keyArn)
    if (kms === undefined) throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
    return kms
  }

  return {
    arns,
    calls: (keyArn) =>
      [...counts].reduce(
        (sum, [arn, count]) => (keyArn === undefined || arn === keyArn ? sum + count : sum),
        0,
      ),
    callsOf: (tenantId) => tenantCounts.get(tenantId) ?? 0,
    fail(keyArn, code) {
      if (code === undefined) failures.delete(keyArn)
      else failures.set(keyArn, code)
    },
    deny(keyArn, tenantId, code) {
      failures.set(`${keyArn} ${tenantId}`, code)
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      gate = promise.then(() => undefined)
      return () => {
        gate = Promise.resolve()
        resolve(undefined)
      }
    },
    createTenantKey: async (keyArn, ref) => kmsOf(keyArn).createTenantKey(keyArn, ref),
    inspectKey: async (keyArn, tenantId) => kmsOf(keyArn).inspectKey(keyArn, tenantId),
    async unwrapTenantKey(keyArn, wrapped, ref) {
      counts.set(keyArn, (counts.get(keyArn) ?? 0) + 1)
      tenantCounts.set(ref.tenantId, (tenantCounts.get(ref.tenantId) ?? 0) + 1)
      await gate
      const code = failures.get(keyArn) ?? failures.get(`${keyArn} ${ref.tenantId}`)
      if (code !== undefined) throw new KeyholdError(code)
      return kmsOf(keyArn).unwrapTenantKey(keyArn, wrapped, ref)
    },
  }
}

export interface Keyring {
  tenantKeys: TenantKeyCache
  dataKeys: DataKeyCache
  leases: DataKeyLeases
  clock: { nowMs: number }
}

/** The keys that one replica holds in memory. */
export function createKeyring(
  store: Store,
  kms: Kms,
  options: {
    ttlMs?: number
    minTtlMs?: number
    maxDataKeyAgeMs?: number
    maxTenantKeys?: number
    maxDataKeys?: number
    maxLeases?: number
    random?: () => number
    rowWaitMs?: number
  } = {},
): Keyring {
  const clock = { nowMs: 1_000_000 }
  const shared = { store, clock: () => clock.nowMs }
  const { random = () => 0 } = options
  const tenantKeys = createTenantKeyCache({
    ...shared,
    ttl: { minMs: options.minTtlMs ?? 0, maxMs: options.ttlMs ?? ttlMs },
    kms,
    random,
    ...(options.rowWaitMs !== undefined && { rowWaitMs: options.rowWaitMs }),
    maxEntries: options.maxTenantKeys ?? 100,
  })
  const dataKeys = createDataKeyCache({
    ...shared,
    random,
    tenantKeys,
    maxEntries: options.maxDataKeys ?? 100,
    maxEntriesPerTenant: options.maxDataKeys ?? 100,
    maxKeyNames: 1_000,
    maxDataKeyAgeMs: options.maxDataKeyAgeMs ?? Number.POSITIVE_INFINITY,
  })
  const leases = createDataKeyLeases({
    ...{ ...shared, tenantKeys, maxKeyNames: 1_000 },
    maxLeases: options.maxLeases ?? 1_000,
  })
  return { tenantKeys, dataKeys, leases, clock }
}

/** Adds a tenant key version as migrations do. */
export async function addTenantKey(
  store: Store,
  kms: Kms,
  keyArn: string,
  { tenantId, version, state }: { tenantId: string; version: number; state: 'pending' | 'active' },
): Promise<void> {
  const ref = { tenantId, id: newId(new Date()), version }
  const { key, wrapped } = await kms.createTenantKey(keyArn, ref)
  await alone(store, tenantId).tenantKeys.insert({
    ...ref,
    state,
    keyArn,
    wrapped,
    keyCheckValue: keyCheckValue({ ...ref, key }),
  })
}

export async function createTenant(
  store: Store,
  kms: Kms,
  tenantId: string,
  keyArn: string,
): Promise<string> {
  await store.withFence(tenantId, async (transaction) => {
    await transaction.tenants.insert({ id: tenantId, name: tenantId, activeTenantKeyVersion: 1 })
    await transaction.guards.insert(tenantId)
  })
  await addTenantKey(store, kms, keyArn, { tenantId, version: 1, state: 'active' })
  return tenantId
}

/** As a cutover without backup retention does it. */
export async function destroyTenantKey(
  database: TestStores,
  tenantId: string,
  version: number,
): Promise<void> {
  const end = `update keyhold.tenant_keys set state = 'destroyed', wrapped = null, destroyed_at = now()
    where tenant_id = $1 and version = $2`
  await database.query(end, [tenantId, version])
  await resign(database.db)
}

/** Makes another version active for new data keys, as the phase "dual" does. */
export async function moveToNewTenantKey(
  store: Store,
  kms: Kms,
  keyArn: string,
  tenantId: string,
): Promise<number> {
  const fence = await store.tenants.findFence(tenantId)
  const from = fence?.activeTenantKeyVersion ?? 0
  await addTenantKey(store, kms, keyArn, { tenantId, version: from + 1, state: 'pending' })
  await store.withFence(tenantId, async (transaction) => {
    await transaction.tenantKeys.setState(tenantId, from, 'decrypt-only')
    await transaction.tenantKeys.setState(tenantId, from + 1, 'active')
    await transaction.tenants.moveFence(tenantId, from + 1)
  })
  return from + 1
}
