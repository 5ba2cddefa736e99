// How long a tenant key stays in memory: for its time at most, and not a moment longer than its KEK's word.
import type { ErrorCode } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { denialOf } from '../../src/keyring/denial-of.ts'
import type { Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import {
  addTenantKey,
  createCountingKms,
  createKeyring,
  createTenant,
  destroyTenantKey,
  ttlMs,
  type CountingKms,
  type Keyring,
} from './keyring-under-test.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
let store: Store
let kms: CountingKms
let keyring: Keyring
let mine: string
let other: string
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  ;({ store } = database)
})
afterAll(() => postgres.stop())

let tenants = 0
let tenantId: string
beforeEach(async () => {
  kms = createCountingKms()
  ;[mine, other] = kms.arns
  keyring = createKeyring(store, kms)
  tenantId = await createTenant(store, kms, `tenant-${++tenants}`, mine)
})

const get = (id = tenantId, version = 1) => keyring.tenantKeys.get(id, version)
const after = (ms: number) => {
  keyring.clock.nowMs += ms
}

/** Lets what was begun without waiting come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await store.tenants.find('nobody')
}

test('a key is unwrapped once and then held', async () => {
  const first = await get()
  expect(first?.tenantKey).toMatchObject({ tenantId, version: 1 })
  expect(await get()).toBe(first)
  expect(kms.calls()).toBe(1)
})

test('a hundred callers at once make one call', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => get()))
  expect(new Set(answers).size).toBe(1)
  expect(kms.calls()).toBe(1)
})

slowTest('its time counts from the start of the call, however late the answer', async () => {
  const release = kms.hold()
  const asked = get()
  await expect.poll(() => kms.calls()).toBe(1)
  after(20_000)
  release()
  await asked
  kms.fail(mine, 'ERR_KMS_TIMEOUT')
  after(ttlMs - 20_000 - 1)
  await get()
  after(1)
  await expect(get()).rejects.toMatchObject({ code: 'ERR_KMS_TIMEOUT' })
})

slowTest('an answer that comes after the end of its time serves who asked and nobody else', async () => {
  const release = kms.hold()
  const asked = get()
  await expect.poll(() => kms.calls()).toBe(1)
  after(ttlMs)
  release()
  expect(await asked).toBeDefined()
  await get()
  expect(kms.calls()).toBe(2)
})

test('in the last fifth of its time it is asked for anew, once, while everybody is served', async () => {
  const first = await get()
  after(ttlMs * 0.8)
  await get()
  expect(kms.calls()).toBe(1)
  after(1)
  const release = kms.hold()
  for (let call = 0; call < 50; call++) expect(await get()).toBe(first)
  await expect.poll(() => kms.calls()).toBe(2)
  release()
  await settle()
  after(ttlMs * 0.8)
  expect(await get()).toBe(first)
  expect(kms.calls()).toBe(2)
})

test.each([
  'ERR_KMS_TIMEOUT',
  'ERR_KMS_UNREACHABLE',
  'ERR_KMS_THROTTLED',
  'ERR_KMS_FAILED',
  'ERR_KMS_CREDENTIALS',
  'ERR_KMS_OWN_POLICY',
  'ERR_KMS_KEY_STORE_UNREACHABLE',
  'ERR_KMS_BUDGET',
])('an outage (%s) lets the time run out, extends nothing, and is over when it is over', async (code) => {
  const first = await get()
  kms.fail(mine, code as ErrorCode)
  for (let passed = 0; passed < ttlMs; passed += 5_000) {
    expect(await get()).toBe(first)
    await settle()
    after(5_000)
  }
  await expect(get()).rejects.toMatchObject({ code })
  kms.fail(mine, undefined)
  expect(await get()).toBeDefined()
})

slowTest.each([
  'ERR_KMS_KEY_DISABLED',
  'ERR_KMS_KEY_PENDING_DELETION',
  'ERR_KMS_KEY_NOT_FOUND',
  'ERR_KMS_KEY_WRONG_USAGE',
  'ERR_KMS_KEY_PENDING_IMPORT',
  'ERR_KMS_EXTERNAL_KEY_DISABLED',
])('a state of the KEK (%s) ends all keys under it at once, and none under another', async (code) => {
  const sibling = await createTenant(store, kms, `tenant-${++tenants}`, mine)
  const neighbour = await createTenant(store, kms, `tenant-${++tenants}`, other)
  await addTenantKey(store, kms, mine, { tenantId, version: 2, state: 'pending' })
  const held = await get(neighbour)
  const seconds = [await get(), await get(sibling)]
  kms.fail(mine, code as ErrorCode)
  await expect(get(tenantId, 2)).rejects.toMatchObject({ code })
  for (const entry of seconds) expect(entry?.validUntilMs).toBe(Number.NEGATIVE_INFINITY)
  await expect(get()).rejects.toMatchObject({ code })
  await expect(get(sibling)).rejects.toMatchObject({ code })
  expect(await get(neighbour)).toBe(held)
  expect(kms.calls(other)).toBe(1)
  kms.fail(mine, undefined)
  after(1_000)
  expect(await get()).toBeDefined()
})

test.each(['ERR_KMS_DENIED', 'Encryption-88'])(
  'a policy (%s) that denies one tenant ends all its keys, and its neighbours under the same KEK ask no more than before',
  async (code) => {
    const sibling = await createTenant(store, kms, `tenant-${++tenants}`, mine)
    await addTenantKey(store, kms, mine, { tenantId, version: 2, state: 'pending' })
    const own = await get()
    const others = await get(sibling)
    kms.deny(mine, tenantId, code as ErrorCode)
    await expect(get(tenantId, 2)).rejects.toMatchObject({ code })
    expect(own?.validUntilMs).toBe(Number.NEGATIVE_INFINITY)
    const before = kms.callsOf(sibling)
    // The denied tenant is used all the time, and asks the KMS each second.
    for (let second = 0; second < 60; second++) {
      after(1_000)
      await expect(get()).rejects.toMatchObject({ code })
      expect(await get(sibling)).toBe(others)
    }
    await settle()
    expect(kms.callsOf(tenantId)).toBeGreaterThan(60)
    expect(kms.callsOf(sibling) - before).toBeLessThanOrEqual(2)
    // Where the policy denies the sibling too, it meets that itself with its next refresh.
    kms.deny(mine, sibling, code as ErrorCode)
    after(ttlMs)
    await expect(get(sibling)).rejects.toMatchObject({ code })
  },
)

slowTest.each([
  ['ERR_KMS_DENIED', 'own'],
  ['ERR_KMS_KEY_DISABLED', 'every'],
] as const)(
  'what a KEK answered before a refusal (%s) is not held after it, of %s tenant',
  async (code, whose) => {
    const sibling = await createTenant(store, kms, `tenant-${++tenants}`, mine)
    const release = kms.hold()
    const before = [get(), get(sibling)]
    await expect.poll(() => kms.calls()).toBe(2)
    // As if another version, or another replica, had met it meanwhile.
    keyring.tenantKeys.evictDenied(denialOf(code, { keyArn: mine, tenantId }))
    release()
    await Promise.all(before)
    await get()
    expect(kms.callsOf(tenantId)).toBe(2)
    await get(sibling)
    expect(kms.callsOf(sibling)).toBe(whose === 'every' ? 2 : 1)
  },
)

slowTest.each([
  'ERR_KMS_DENIED',
  'ERR_KMS_KEY_DISABLED',
  'ERR_KMS_KEY_PENDING_DELETION',
  'ERR_KMS_KEY_NOT_FOUND',
  'ERR_KMS_KEY_WRONG_USAGE',
  'ERR_KMS_INVALID_CIPHERTEXT',
  'ERR_KEY_INTEGRITY',
])('the traffic of a locked tenant (%s) asks the KMS once a second, for this tenant alone', async (code) => {
  const sibling = await createTenant(store, kms, `tenant-${++tenants}`, mine)
  kms.fail(mine, code as ErrorCode)
  for (let passed = 0; passed < 3_000; passed += 100) {
    await expect(get()).rejects.toMatchObject({ code })
    after(100)
  }
  expect(kms.calls()).toBe(3)
  await expect(get(sibling)).rejects.toMatchObject({ code })
  expect(kms.calls()).toBe(4)
  kms.fail(mine, undefined)
  expect(await get()).toBeDefined()
})

slowTest('a refusal is remembered from the start of the call, however late the answer', async () => {
  kms.fail(mine, 'ERR_KMS_DENIED')
  const release = kms.hold()
  const asked = get()
  const refused = expect(asked).rejects.toMatchObject({ code: 'ERR_KMS_DENIED' })
  await expect.poll(() => kms.calls()).toBe(1)
  after(1_000)
  release()
  await refused
  kms.fail(mine, undefined)
  expect(await get()).toBeDefined()
})

slowTest('a time of 0 remembers no refusal either', async () => {
  keyring = createKeyring(store, kms, { ttlMs: 0 })
  kms.fail(mine, 'ERR_KMS_DENIED')
  for (let call = 1; call <= 3; call++) {
    await expect(get()).rejects.toMatchObject({ code: 'ERR_KMS_DENIED' })
    expect(kms.calls()).toBe(call)
  }
})

slowTest(
  'keys that came together are asked for anew one after the other, all in the last fifth of their time',
  async () => {
    let draws = 0
    keyring = createKeyring(store, kms, { random: () => draws++ / 10 })
    const ids = [tenantId]
    while (ids.length < 10) ids.push(await createTenant(store, kms, `tenant-${++tenants}`, mine))
    for (const id of ids) await get(id)
    after(ttlMs * 0.8)
    for (const id of ids) await get(id)
    await settle()
    expect(kms.calls()).toBe(10)
    const asked = []
    for (let step = 0; step < 10; step++) {
      const before = kms.calls()
      after(ttlMs / 100)
      for (const id of ids) await get(id)
      await settle()
      asked.push(kms.calls() - before)
    }
    expect(asked).toEqual(Array.from({ length: 10 }, () => 1))
  },
)

slowTest(
  'an early refresh that finds the KMS away is tried again after a second, not with every use',
  async () => {
    await get()
    kms.fail(mine, 'ERR_KMS_THROTTLED')
    after(ttlMs * 0.8 + 1)
    for (let passed = 0; passed < 3_000; passed += 100) {
      await get()
      await settle()
      after(100)
    }
    expect(kms.calls()).toBe(4)
  },
)

test('a refusal during the early refresh ends the key for the next caller', async () => {
  await get()
  after(ttlMs * 0.9)
  kms.fail(mine, 'ERR_KMS_DENIED')
  await get()
  await settle()
  await expect(get()).rejects.toMatchObject({ code: 'ERR_KMS_DENIED' })
})

test.each(['ERR_KMS_INVALID_CIPHERTEXT', 'ERR_KEY_INTEGRITY'])(
  'a damaged wrap (%s) ends its own tenant’s keys, not those of all tenants under the same KEK',
  async (code) => {
    const sibling = await createTenant(store, kms, `tenant-${++tenants}`, mine)
    await addTenantKey(store, kms, mine, { tenantId, version: 2, state: 'pending' })
    const [own, heldBySibling] = [await get(), await get(sibling)]
    kms.fail(mine, code as ErrorCode)
    await expect(get(tenantId, 2)).rejects.toMatchObject({ code })
    expect(own?.validUntilMs).toBe(Number.NEGATIVE_INFINITY)
    expect(await get(sibling)).toBe(heldBySibling)
  },
)

slowTest('a time of 0 holds nothing', async () => {
  keyring = createKeyring(store, kms, { ttlMs: 0 })
  await get()
  await get()
  expect(kms.calls()).toBe(2)
  kms.fail(mine, 'ERR_KMS_TIMEOUT')
  await expect(get()).rejects.toMatchObject({ code: 'ERR_KMS_TIMEOUT' })
})

test('only so many are held, and what goes has ended', async () => {
  keyring = createKeyring(store, kms, { maxTenantKeys: 2 })
  const ids = [tenantId]
  while (ids.length < 3) ids.push(await createTenant(store, kms, `tenant-${++tenants}`, mine))
  const entries = []
  for (const id of ids) entries.push(await get(id))
  const gone = entries.filter((entry) => entry?.validUntilMs === Number.NEGATIVE_INFINITY)
  expect(gone).toHaveLength(1)
  expect(await get(ids[2])).toBe(entries[2])
  expect(kms.calls()).toBe(3)
  await get(gone[0]?.tenantKey.tenantId)
  expect(kms.calls()).toBe(4)
})

slowTest('a key whose time is over makes room, and does not count as one that was pushed out', async () => {
  keyring = createKeyring(store, kms, { maxTenantKeys: 1 })
  const second = await createTenant(store, kms, `tenant-${++tenants}`, mine)
  await get()
  after(ttlMs)
  await get(second)
  expect(keyring.tenantKeys.counts()).toMatchObject({ entries: 1, evictedForRoom: 0, ended: 0 })
  await get()
  expect(keyring.tenantKeys.counts()).toMatchObject({ entries: 1, evictedForRoom: 1, ended: 0 })
})

test('a version that is destroyed, or was never there, is not held and asks no KMS', async () => {
  expect(await get(tenantId, 9)).toBeUndefined()
  const held = await get()
  await destroyTenantKey(database, tenantId, 1)
  expect(await get()).toBe(held)
  after(ttlMs)
  expect(await get()).toBeUndefined()
  expect(held?.validUntilMs).toBe(Number.NEGATIVE_INFINITY)
  expect(kms.calls()).toBe(1)
})

slowTest(
  'a tenant that was deleted and made anew gets its new key at the latest with the next refresh',
  async () => {
    const old = await get()
    await alone(store, tenantId).tenantKeys.deleteAll(tenantId)
    await addTenantKey(store, kms, mine, { tenantId, version: 1, state: 'active' })
    after(ttlMs * 0.9)
    expect(await get()).toBe(old)
    await settle()
    const now = await get()
    expect(now?.tenantKey.id).not.toBe(old?.tenantKey.id)
    expect(old?.validUntilMs).toBe(Number.NEGATIVE_INFINITY)
  },
)

test('where anything may have changed every key ends within its time, and not all of them at once', async () => {
  const ids = await Promise.all(
    Array.from({ length: 4 }, (_, index) => createTenant(store, kms, `spread-${index}`, mine)),
  )
  let drawn = 0
  keyring = createKeyring(store, kms, { random: () => (drawn++ % 4) / 4 })
  const held = await Promise.all(ids.map((id) => get(id)))
  keyring.tenantKeys.endAllWithinTtl()
  const ends = held.map((entry) => (entry?.validUntilMs ?? Number.NaN) - keyring.clock.nowMs)
  expect(ends.toSorted((a, b) => a - b)).toEqual([0, 0.25, 0.5, 0.75].map((share) => share * ttlMs))
  const calls = kms.calls()
  after(ttlMs)
  kms.fail(mine, 'ERR_KMS_KEY_DISABLED')
  await expect(get(ids[0])).rejects.toMatchObject({ code: 'ERR_KMS_KEY_DISABLED' })
  expect(kms.calls()).toBe(calls + 1)
})
