// A destruction that a replica is not told of. What is encrypted under a destroyed key opens never again, so no replica
// holds a data key into the time in which it may be destroyed: the database says when that is, whenever a key is read.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../../src/keyring/new-id.ts'
import { endCipherkeys } from '../../src/destruction/end-cipherkeys.ts'
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
import { setDue as setDueIn } from '../../../testkit/src/database/set-due.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
  ;({ store } = await postgres.createStores())
})
afterAll(() => postgres.stop())

let tenants = 0
let kms: CountingKms
/** It is told of nothing. */
let keyring: Keyring
let tenantId: string
beforeEach(async () => {
  kms = createCountingKms()
  keyring = createKeyring(store, kms)
  tenantId = await createTenant(store, kms, `due-${++tenants}`, kms.arns[0])
})

const marginMs = 5_000
// The database's clock goes on while the test runs; the keyring's stands still.
const slackMs = 3_000

async function schedule(kind: 'tenant' | 'data-key', keyName?: string): Promise<string> {
  const dataKeyId = keyName && (await store.cipherkeys.findActive(tenantId, keyName))?.dataKeyId
  const named = keyName !== undefined && dataKeyId !== undefined ? { keyName, dataKeyId } : {}
  const request = { id: newId(new Date()), tenantId, kind, ...named, scheduledBy: 'test', inDays: 7 }
  return (await alone(store, tenantId).destructions.insert(request)).id
}

const setDue = (id: string, inSeconds: number) => setDueIn(store, id, inSeconds * 1_000)

/** As the destruction does it, apart from its record. */
async function destroy(dataKeyId: string, keyName = 'default'): Promise<void> {
  await store.transaction((transaction) => endCipherkeys(transaction, tenantId, { keyName, dataKeyId }))
}

test.each(['by its name', 'by its id'])('a data key is not held into it, asked for %s', async (how) => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  const destruction = await schedule('data-key', 'default')
  // Scheduled long before, so that everybody has read it anew since.
  keyring.clock.nowMs += ttlMs
  await setDue(destruction, 30)
  const use = () =>
    how === 'by its name'
      ? keyring.dataKeys.getActive(tenantId, 'default')
      : keyring.dataKeys.get(tenantId, id, 1)
  expect((await use())?.id).toBe(id)
  // Gone meanwhile, although its time has not come: so one sees who reads.
  await destroy(id)
  keyring.clock.nowMs += 30_000 - marginMs - slackMs
  expect((await use())?.id).toBe(id)
  keyring.clock.nowMs += slackMs
  expect((await use())?.id).not.toBe(id)
})

// Older than it may be: also one whose time is that of a clock which is a moment ahead.
const alwaysAged = { maxDataKeyAgeMs: -1_000 }

slowTest('a version that is made in the last moments is not held into it either', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  await setDue(await schedule('data-key', 'default'), 10)
  keyring.clock.nowMs += ttlMs
  const aged = createKeyring(store, kms, alwaysAged)
  expect(await aged.dataKeys.getActive(tenantId, 'default')).toMatchObject({ id, version: 2 })
  await destroy(id)
  aged.clock.nowMs += 10_000 - marginMs
  expect((await aged.dataKeys.getActive(tenantId, 'default')).id).not.toBe(id)
})

test('from then on it is held for no moment, as long as it lives', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  // A key job holds the destruction up.
  await setDue(await schedule('data-key', 'default'), -60)
  keyring.clock.nowMs += ttlMs
  expect((await keyring.dataKeys.getActive(tenantId, 'default')).id).toBe(id)
  await destroy(id)
  expect((await keyring.dataKeys.getActive(tenantId, 'default')).id).not.toBe(id)
})

slowTest(
  'a version that is destroyed by name is not held into it, nor leased, and the others are',
  async () => {
    const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
    await createKeyring(store, kms, alwaysAged).dataKeys.getActive(tenantId, 'default')
    const named = { dataKeyId: id, version: 1, tenantKeyVersion: 1 }
    const destruction = await alone(store, tenantId).destructions.insert({
      ...{ id: newId(new Date()), tenantId, kind: 'cipherkeys', cipherkeys: [named] },
      ...{ scheduledBy: 'test', inDays: 7 },
    })
    await setDue(destruction.id, 30)
    keyring.clock.nowMs += ttlMs
    expect((await keyring.leases.renew(tenantId, id, 1))?.remainingMs).toBeLessThanOrEqual(30_000 - marginMs)
    const use = (version: number) => keyring.dataKeys.get(tenantId, id, version)
    expect((await use(1))?.id).toBe(id)
    expect((await use(2))?.id).toBe(id)
    await destroy(id)
    keyring.clock.nowMs += 30_000 - marginMs
    expect(await use(1)).toBeUndefined()
    expect((await use(2))?.id).toBe(id)
  },
)

test('a lease ends before its tenant may be destroyed', async () => {
  const { dataKey, remainingMs } = await keyring.leases.create(tenantId)
  expect(remainingMs).toBe(ttlMs)
  await setDue(await schedule('tenant'), 30)
  const renewed = await keyring.leases.renew(tenantId, dataKey.id, dataKey.version)
  const made = await keyring.leases.create(tenantId)
  for (const lease of [renewed, made]) {
    expect(lease?.remainingMs).toBeLessThanOrEqual(30_000 - marginMs)
    expect(lease?.remainingMs).toBeGreaterThan(30_000 - marginMs - slackMs)
  }
})

test('a cancelled destruction bounds nothing, nor one of another name', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  await keyring.dataKeys.getActive(tenantId, 'other')
  const destruction = await schedule('data-key', 'default')
  await setDue(await schedule('data-key', 'other'), 1)
  await setDue(destruction, 1)
  await alone(store, tenantId).destructions.cancel(tenantId, destruction, 'test')
  keyring.clock.nowMs += ttlMs
  await keyring.dataKeys.getActive(tenantId, 'default')
  await destroy(id)
  keyring.clock.nowMs += ttlMs - 1
  expect((await keyring.dataKeys.getActive(tenantId, 'default')).id).toBe(id)
})
