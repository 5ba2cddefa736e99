// Counts of calls: nothing is counted twice or forgotten, whoever writes beside, and while the database is away.
import { KeyholdError } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKmsUsageMeter, type CountedCall } from '../../src/metrics/kms-usage-meter.ts'
import type { Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let store: Store
let otherStore: Store
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  ;({ store, otherStore } = stores)
})
afterAll(() => postgres.stop())

const range = { from: '2026-01-01', to: '2026-12-31' }
const call = (tenantId: string, changes: Partial<CountedCall> = {}): CountedCall => ({
  tenantId,
  action: 'Decrypt',
  region: 'eu-west-1',
  account: '222222222222',
  payer: 'keyhold',
  outcome: 'ok',
  requests: 1,
  ...changes,
})
const noError = (error: unknown) => {
  throw error
}

const withTime = (of: Store, now: () => Date): Store => ({ ...of, clock: { ...of.clock, now } })

test('calls are added up by day, kind and payer, and to what is there', async () => {
  let now = new Date('2026-03-31T23:59:59.999Z')
  const meter = openKmsUsageMeter({ store: withTime(store, () => now), onError: noError })
  meter.count(call('a'))
  meter.count(call('a', { requests: 3, outcome: 'ERR_KMS_THROTTLED' }))
  await meter.flush()
  meter.count(call('a'))
  meter.count(call('a', { payer: '333333333333' }))
  now = new Date('2026-04-01T00:00:00Z')
  meter.count(call('a'))
  await meter.close()
  const counted = await store.kmsUsage.listOfTenant('a', range)
  expect(
    counted.map(({ day, outcome, paidBy, calls, requests }) => [day, outcome, paidBy, calls, requests]),
  ).toEqual([
    ['2026-03-31', 'ERR_KMS_THROTTLED', 'keyhold', 1, 3],
    ['2026-03-31', 'ok', 'customer', 1, 1],
    ['2026-03-31', 'ok', 'keyhold', 2, 2],
    ['2026-04-01', 'ok', 'keyhold', 1, 1],
  ])
  expect(await store.kmsUsage.listOfTenant('a', { from: '2026-04-01', to: '2026-04-01' })).toHaveLength(1)
})

test('two replicas add to the same rows at the same time, in whatever order they counted', async () => {
  const tenants = Array.from({ length: 700 }, (_, index) => `both-${index}`)
  const meters = [store, otherStore].map((each) => openKmsUsageMeter({ store: each, onError: noError }))
  for (let round = 0; round < 5; round++) {
    for (const [index, meter] of meters.entries()) {
      for (const tenantId of index === 0 ? tenants : tenants.toReversed()) meter.count(call(tenantId))
    }
    await Promise.all(meters.map((meter) => meter.flush()))
  }
  await Promise.all(meters.map((meter) => meter.close()))
  const today = new Date().toISOString().slice(0, 10)
  const counted = await store.kmsUsage.listTenants({ from: today, to: today }, 1_000)
  expect(counted).toHaveLength(700)
  expect(new Set(counted.map(({ calls }) => calls))).toEqual(new Set([10]))
})

test('what cannot be written is kept and written later, once', async () => {
  let isAway = true
  const sometimes: Pick<Store, 'kmsUsage' | 'transaction' | 'clock'> = {
    ...withTime(store, () => new Date('2026-05-01T12:00:00Z')),
    transaction: (work) =>
      isAway ? Promise.reject(new KeyholdError('ERR_DATABASE_UNAVAILABLE')) : store.transaction(work),
  }
  const meter = openKmsUsageMeter({ store: sometimes, onError: noError })
  meter.count(call('late'))
  await expect(meter.flush()).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' })
  meter.count(call('late'))
  isAway = false
  await Promise.all([meter.flush(), meter.flush()])
  expect(await store.kmsUsage.listOfTenant('late', range)).toMatchObject([{ calls: 2, requests: 2 }])
  await meter.close()
})

test('however much is too old, it is gone after some flushes, a bounded step with each', async () => {
  const count = async () =>
    (await stores.query('select count(*)::int from keyhold.kms_usage where tenant_id like $1', ['old-%']))[0]
      ?.count
  await stores.query(
    `insert into keyhold.kms_usage (tenant_id, day, region, account, action, outcome, paid_by, calls, requests)
     select 'old-' || n, current_date - 500, 'r', 'a', 'Decrypt', 'ok', 'keyhold', 1, 1 from generate_series(1, 25000) n`,
  )
  const meter = openKmsUsageMeter({ store, onError: noError })
  const left = []
  for (let flush = 0; flush < 3; flush++) {
    await meter.flush()
    left.push(await count())
  }
  await meter.close()
  expect(left).toEqual([15_000, 5_000, 0])
})

test('what is older than 400 days is forgotten', async () => {
  const day = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)
  const row = { ...call('old'), paidBy: 'keyhold' as const, calls: 1 }
  await store.kmsUsage.add([399, 402].map((daysAgo) => ({ ...row, day: day(daysAgo) })))
  const meter = openKmsUsageMeter({ store, onError: noError })
  await meter.close()
  const left = await store.kmsUsage.listOfTenant('old', { from: day(500), to: day(0) })
  expect(left.map((each) => each.day)).toEqual([day(399)])
})
