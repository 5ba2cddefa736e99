// A tenant that wants its keys to be held for a shorter time than the operator allows.
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import {
  createCountingKms,
  createKeyring,
  createTenant,
  ttlMs,
  type CountingKms,
  type Keyring,
} from './keyring-under-test.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
  store = (await postgres.createStores()).store
})
afterAll(() => postgres.stop())

const chosenSeconds = 10
const chosenMs = 10_000
let tenants = 0
let kms: CountingKms
let kek: string
let keyring: Keyring
let tenantId: string
beforeEach(async () => {
  kms = createCountingKms()
  kek = kms.arns[0]
  keyring = createKeyring(store, kms)
  tenantId = await createTenant(store, kms, `ttl-${++tenants}`, kek)
})

const after = (ms: number) => {
  keyring.clock.nowMs += ms
}
const choose = (seconds: number | undefined) => store.guards.setKeyCacheTtlSeconds(tenantId, seconds)
const outcome = async (use: () => Promise<unknown>) => {
  try {
    await use()
    return 'open'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('while the KMS is away', () => {
  const bounds: [string, number | undefined, number][] = [
    ['without a choice the operator’s time', undefined, ttlMs],
    ['a shorter choice', chosenSeconds, chosenMs],
  ]
  it.each(bounds)('%s bounds tenant keys and data keys', async (_, seconds, boundMs) => {
    await choose(seconds)
    const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
    kms.fail(kek, 'ERR_KMS_UNREACHABLE')
    after(boundMs - 1)
    expect(await outcome(() => keyring.dataKeys.get(tenantId, id, 1))).toBe('open')
    after(1)
    for (const use of [
      () => keyring.dataKeys.get(tenantId, id, 1),
      () => keyring.dataKeys.getActive(tenantId, 'default'),
      () => keyring.tenantKeys.get(tenantId, 1),
    ])
      expect(await outcome(use)).toBe('ERR_KMS_UNREACHABLE')
  })

  it.each(bounds)('%s bounds leases', async (_, seconds, boundMs) => {
    await choose(seconds)
    const lease = await keyring.leases.create(tenantId)
    expect(lease.remainingMs).toBe(boundMs)
    after(boundMs / 4)
    kms.fail(kek, 'ERR_KMS_UNREACHABLE')
    const { id, version } = lease.dataKey
    expect((await keyring.leases.renew(tenantId, id, version))?.remainingMs).toBe((boundMs * 3) / 4)
  })
})

test('a data key is read again after the tenant’s time, though its tenant key was refreshed', async () => {
  await choose(chosenSeconds)
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  after(chosenMs * 0.9)
  await keyring.dataKeys.get(tenantId, id, 1)
  await expect.poll(() => kms.calls()).toBe(2)
  await store.cipherkeys.endEncryption({ tenantId, dataKeyId: id, version: 1 })
  after(chosenMs * 0.1)
  expect((await keyring.dataKeys.getActive(tenantId, 'default')).id).not.toBe(id)
})

describe('a shorter choice, made while keys are held', () => {
  it('holds at once on a replica that is told', async () => {
    await keyring.tenantKeys.get(tenantId, 1)
    await choose(chosenSeconds)
    keyring.tenantKeys.evictTenant(tenantId)
    await keyring.tenantKeys.get(tenantId, 1)
    expect(kms.calls()).toBe(2)
    kms.fail(kek, 'ERR_KMS_UNREACHABLE')
    after(chosenMs)
    expect(await outcome(() => keyring.tenantKeys.get(tenantId, 1))).toBe('ERR_KMS_UNREACHABLE')
  })

  slowTest('holds after the old time at the latest on one that is not', async () => {
    const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
    await choose(chosenSeconds)
    after(ttlMs - 1)
    await keyring.dataKeys.get(tenantId, id, 1)
    after(1)
    await keyring.dataKeys.get(tenantId, id, 1)
    kms.fail(kek, 'ERR_KMS_UNREACHABLE')
    after(chosenMs)
    expect(await outcome(() => keyring.dataKeys.get(tenantId, id, 1))).toBe('ERR_KMS_UNREACHABLE')
  })

  slowTest('is not undone by what was read before it', async () => {
    const release = kms.hold()
    const asked = keyring.tenantKeys.get(tenantId, 1)
    await expect.poll(() => kms.calls()).toBe(1)
    await choose(chosenSeconds)
    keyring.tenantKeys.evictTenant(tenantId)
    release()
    expect(await asked).toBeDefined()
    await keyring.tenantKeys.get(tenantId, 1)
    expect(kms.calls()).toBe(2)
  })
})

test('what the operator allows bounds what a tenant has chosen before', async () => {
  for (const [minTtlMs, maxTtlMs, bound] of [
    [20_000, ttlMs, 20_000],
    [0, 5_000, 5_000],
  ] as const) {
    await choose(chosenSeconds)
    keyring = createKeyring(store, kms, { minTtlMs, ttlMs: maxTtlMs })
    expect((await keyring.tenantKeys.get(tenantId, 1))?.ttlMs).toBe(bound)
  }
})

test('0 holds nothing', async () => {
  await choose(0)
  for (let call = 1; call <= 3; call++) {
    await keyring.tenantKeys.get(tenantId, 1)
    expect(kms.calls()).toBe(call)
  }
})
