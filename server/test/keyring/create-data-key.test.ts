// Making data keys while everything else moves: under the version that is active at the commit, once for each name,
// and never given out before the row is there.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { isKeyholdError } from '@keyhold/core'
import { createDataKeys, type CreateDataKeyParts } from '../../src/keyring/create-data-key.ts'
import type { CipherkeyRow } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import {
  addTenantKey,
  createCountingKms,
  createKeyring,
  createTenant,
  moveToNewTenantKey,
  type CountingKms,
} from './keyring-under-test.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let store: Store
let otherStore: Store
let kms: CountingKms
let mine: string
let other: string
let tenants = 0
const maxKeyNames = 1_000
let tenantId: string
beforeAll(async () => {
  postgres = await openTestPostgres()
  ;({ store, otherStore } = await postgres.createStores())
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  kms = createCountingKms()
  ;[mine, other] = kms.arns
  tenantId = await createTenant(store, kms, `tenant-${++tenants}`, mine)
})

async function createDataKey(
  parts: CreateDataKeyParts,
  ofTenant: string,
  keyName: string,
): Promise<CipherkeyRow> {
  const [row] = await createDataKeys(parts, ofTenant, [keyName])
  if (row === undefined || isKeyholdError(row)) throw row ?? new Error('no row')
  return row
}

/** A store in which something happens after wrapping and before each transaction: the n-th time it is called. */
function withInterruption(happens: (time: number) => Promise<unknown>): {
  store: Store
  times: () => number
} {
  let times = 0
  return {
    times: () => times,
    store: {
      ...store,
      async withFenceShared(ofTenant, work) {
        await happens(++times)
        return store.withFenceShared(ofTenant, work)
      },
    },
  }
}

test('a data key wrapped before dual is not committed after it: it is made again under the new version', async () => {
  const interrupted = withInterruption(async (time) => {
    if (time === 1) await moveToNewTenantKey(store, kms, other, tenantId)
  })
  const { tenantKeys } = createKeyring(store, kms)
  const row = await createDataKey({ store: interrupted.store, tenantKeys, maxKeyNames }, tenantId, 'default')
  expect(interrupted.times()).toBe(2)
  expect(row.tenantKeyVersion).toBe(2)
  expect(await store.surveys.count(tenantId)).toBe(1)
  expect(await store.surveys.findNeeded(tenantId, [1])).toEqual([])
  expect(await createKeyring(store, kms).dataKeys.get(tenantId, row.dataKeyId, 1)).toBeDefined()
})

slowTest(
  'an epoch that moved while the version stayed, as by a cancelled migration, is noticed as well',
  async () => {
    const interrupted = withInterruption(async (time) => {
      if (time === 1) await alone(store, tenantId).tenants.moveFence(tenantId, 1)
    })
    await createDataKey(
      { store: interrupted.store, tenantKeys: createKeyring(store, kms).tenantKeys, maxKeyNames },
      tenantId,
      'default',
    )
    expect(interrupted.times()).toBe(2)
    expect(await store.surveys.count(tenantId)).toBe(1)
  },
)

slowTest('a tenant whose fence never stands still is asked to try again, and nothing is stored', async () => {
  const interrupted = withInterruption(() => alone(store, tenantId).tenants.moveFence(tenantId, 1))
  const making = createDataKey(
    { store: interrupted.store, tenantKeys: createKeyring(store, kms).tenantKeys, maxKeyNames },
    tenantId,
    'default',
  )
  await expect(making).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' })
  expect(await store.surveys.count(tenantId)).toBe(0)
})

slowTest('a version that is gone between two looks only costs another round', async () => {
  let looks = 0
  const behind: Store = {
    ...store,
    tenants: {
      ...store.tenants,
      glanceAtFence: async (id) =>
        ++looks === 1 ? { epoch: 0, activeTenantKeyVersion: 9 } : store.tenants.glanceAtFence(id),
    },
  }
  const row = await createDataKey(
    { store: behind, tenantKeys: createKeyring(store, kms).tenantKeys, maxKeyNames },
    tenantId,
    'default',
  )
  expect(row.tenantKeyVersion).toBe(1)
})

test('a tenant deleted meanwhile has no data key', async () => {
  const interrupted = withInterruption(async () => {
    await alone(store, tenantId).tenantKeys.deleteAll(tenantId)
    await alone(store, tenantId).tenants.delete(tenantId)
  })
  const making = createDataKey(
    { store: interrupted.store, tenantKeys: createKeyring(store, kms).tenantKeys, maxKeyNames },
    tenantId,
    'default',
  )
  await expect(making).rejects.toMatchObject({ code: 'ERR_TENANT_NOT_FOUND' })
})

test('a replica that remembers a deleted tenant’s key does not wrap under it for the tenant made anew', async () => {
  const keyring = createKeyring(store, kms)
  const remembered = await keyring.tenantKeys.get(tenantId, 1)
  await alone(store, tenantId).tenantKeys.deleteAll(tenantId)
  await addTenantKey(store, kms, mine, { tenantId, version: 1, state: 'active' })
  const made = await keyring.dataKeys.getActive(tenantId, 'default')
  const read = await createKeyring(store, kms).dataKeys.get(tenantId, made.id, 1)
  expect(read?.key.equals(made.key)).toBe(true)
  expect((await keyring.tenantKeys.get(tenantId, 1))?.tenantKey.id).not.toBe(remembered?.tenantKey.id)
})

test('twenty first encryptions of one name, over two replicas, make one cipherkey and one data key', async () => {
  for (let round = 0; round < 5; round++) {
    const one = createKeyring(store, kms)
    const another = createKeyring(otherStore, kms)
    const keys = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? one : another).dataKeys.getActive(tenantId, `name-${round}`),
      ),
    )
    const [first] = keys
    if (first === undefined) throw new Error('no key')
    for (const key of keys) {
      expect(key.id).toBe(first.id)
      expect(key.key.equals(first.key)).toBe(true)
    }
    expect(await store.surveys.count(tenantId)).toBe(round + 1)
  }
})

slowTest(
  'the same without any single flight: twenty writers race in the database, and one wins',
  async () => {
    const { tenantKeys } = createKeyring(store, kms)
    const rows = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        createDataKey(
          { store: index % 2 === 0 ? store : otherStore, tenantKeys, maxKeyNames },
          tenantId,
          'default',
        ),
      ),
    )
    expect(new Set(rows.map((row) => row.dataKeyId)).size).toBe(1)
    expect(await store.surveys.count(tenantId)).toBe(1)
  },
)

slowTest(
  'a thousand new names of one request cost one transaction, and so do those of many requests at once',
  async () => {
    const counted = withInterruption(() => Promise.resolve())
    const { dataKeys } = createKeyring(counted.store, kms)
    const names = Array.from({ length: 1_000 }, (_, index) => `name-${index}`)
    const keys = await Promise.all(names.map((name) => dataKeys.getActive(tenantId, name)))
    expect(counted.times()).toBe(1)
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1_000)
    expect(await store.surveys.count(tenantId)).toBe(1_000)
    const [first] = keys
    expect((await createKeyring(store, kms).dataKeys.getActive(tenantId, 'name-0')).id).toBe(first?.id)
  },
)

test('a quota is never exceeded, whoever counts at the same moment, and names within it are all made', async () => {
  const quota = 25
  for (let round = 0; round < 5; round++) {
    const tenant = await createTenant(store, kms, `tenant-${++tenants}`, mine)
    const { tenantKeys } = createKeyring(store, kms)
    // Batches of eight that overlap by half, over two replicas.
    const batches = Array.from({ length: 12 }, (_, batch) =>
      Array.from({ length: 8 }, (_item, index) => `name-${batch * 4 + index}`),
    )
    const outcomes = await Promise.all(
      batches.map((names, index) =>
        createDataKeys(
          { store: index % 2 === 0 ? store : otherStore, tenantKeys, maxKeyNames: quota },
          tenant,
          names,
        ),
      ),
    )
    const made = new Set(
      outcomes.flatMap((rows) => rows.flatMap((row) => (isKeyholdError(row) ? [] : [row.dataKeyId]))),
    )
    expect(made.size).toBe(quota)
    expect(await store.surveys.count(tenant)).toBe(quota)
    const refusals = outcomes.flatMap((rows) =>
      rows.filter((row) => isKeyholdError(row, 'ERR_KEY_NAME_QUOTA')),
    )
    expect(refusals.length).toBeGreaterThan(0)
    const names = await store.transaction((transaction) => transaction.dataKeys.lockCount(tenant))
    expect(names).toBe(quota)
  }
})

slowTest('names that have a data key by now take no room from the others', async () => {
  const { tenantKeys } = createKeyring(store, kms)
  const parts = { store, tenantKeys, maxKeyNames: 3 }
  const tenant = await createTenant(store, kms, `tenant-${++tenants}`, mine)
  const before = await createDataKeys(parts, tenant, ['a', 'b'])
  const [a, b, c, d] = await createDataKeys(parts, tenant, ['a', 'b', 'c', 'd'])
  expect([a, b]).toMatchObject(before.map((row) => ({ dataKeyId: (row as { dataKeyId: string }).dataKeyId })))
  expect(c).toMatchObject({ version: 1 })
  expect(isKeyholdError(d, 'ERR_KEY_NAME_QUOTA')).toBe(true)
})

slowTest('a batch that is rolled back counts nothing', async () => {
  const failing: Store = {
    ...store,
    withFenceShared: (ofTenant, work) =>
      store.withFenceShared(ofTenant, async (...underFence) => {
        await work(...underFence)
        throw new Error('the connection is lost before the commit')
      }),
  }
  const { tenantKeys } = createKeyring(store, kms)
  await expect(
    createDataKeys({ store: failing, tenantKeys, maxKeyNames }, tenantId, ['a', 'b']),
  ).rejects.toThrow('lost')
  expect(await store.transaction((transaction) => transaction.dataKeys.lockCount(tenantId))).toBe(0)
})

slowTest('writers that race with dual all end under a version that exists, each key readable', async () => {
  const { tenantKeys } = createKeyring(store, kms)
  const making = Array.from({ length: 30 }, (_, index) =>
    createDataKey(
      { store: index % 2 === 0 ? store : otherStore, tenantKeys, maxKeyNames },
      tenantId,
      `name-${index}`,
    ),
  )
  const countUnder = async (of: string, version: number) =>
    (await store.surveys.countByVersion(of, 60_000)).found.get(version)?.cipherkeys ?? 0
  let lateRows = 0
  const moved = moveToNewTenantKey(store, kms, other, tenantId).then(async () => {
    // From the commit of dual on, no row comes in under the old version.
    lateRows = await countUnder(tenantId, 1)
  })
  const rows = await Promise.all(making)
  await moved
  expect(await countUnder(tenantId, 1)).toBe(lateRows)
  const fresh = createKeyring(otherStore, kms)
  for (const row of rows) expect(await fresh.dataKeys.get(tenantId, row.dataKeyId, 1)).toBeDefined()
})

test('a data key whose transaction fails is given to nobody and held nowhere', async () => {
  const failing: Store = {
    ...store,
    withFenceShared: (ofTenant, work) =>
      store.withFenceShared(ofTenant, async (...underFence) => {
        await work(...underFence)
        throw new Error('the connection is lost before the commit')
      }),
  }
  const replica = createKeyring(failing, kms)
  await expect(replica.dataKeys.getActive(tenantId, 'default')).rejects.toThrow('lost before the commit')
  expect(await store.surveys.count(tenantId)).toBe(0)
  await expect(replica.dataKeys.getActive(tenantId, 'default')).rejects.toThrow('lost before the commit')
})
