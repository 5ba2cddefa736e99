// Cipherkeys that a key job moves while they are tried before their destruction: what was not tried under its present wrap is
// not destroyed.
import { generateKey, keyCheckValue, KeyholdError, wrapDataKey, type TenantKey } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { destroyCipherkeys } from '../../src/destruction/destroy-cipherkeys.ts'
import type { DestructionRow } from '../../src/store/destructions/destruction-row.ts'
import type { Store } from '../../src/store/store.ts'
import {
  activate,
  insertTenant,
  newCipherkey,
  newKeyJob,
  tenantId,
  tenantKeyRow,
} from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

const dataKeyId = randomUUID()
let due: DestructionRow
let tenantKey: TenantKey
beforeEach(async () => {
  stores = await postgres.createStores()
  const { store } = stores
  const { id } = await insertTenant(store)
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'decrypt-only' }))
  tenantKey = { tenantId, id, version: 1, format: 2, key: generateKey() }
  const dataKey = { tenantId, id: dataKeyId, version: 1, key: generateKey() }
  const row = newCipherkey({ dataKeyId, keyCheckValue: keyCheckValue(dataKey) })
  await store.cipherkeys.insertActive({ ...row, wrapped: wrapDataKey(tenantKey, dataKey, row) })
  await store.cipherkeys.endEncryption({ tenantId, dataKeyId, version: 1 })
  due = await alone(store, tenantId).destructions.insert({
    ...{ id: randomUUID(), tenantId, kind: 'cipherkeys', scheduledBy: 'ak_1', inDays: 0 },
    cipherkeys: [{ dataKeyId, version: 1, tenantKeyVersion: 1 }],
  })
})

/** Does to the cipherkey as a key job in a phase does: another version is active, under the next epoch, and wraps it. */
async function bringUnder(version: 1 | 2): Promise<void> {
  await stores.store.withFence(tenantId, async (transaction) => {
    await activate(transaction, version)
    await transaction.tenants.moveFence(tenantId, version)
  })
  await stores.query('update keyhold.cipherkeys set tenant_key_version = $1', [version])
}

function destroy(openTenantKey: () => Promise<TenantKey>, store: Store = stores.store) {
  const parts = {
    ...{
      store,
      openTenantKey,
      holdSigner: () => Promise.resolve(() => 'a record'),
      signal: new AbortController().signal,
    },
    ...{ onShredded: () => undefined, onDestroyed: () => undefined },
  }
  return destroyCipherkeys(parts, due)
}

/** As at the end of every key job. */
const endEpoch = () =>
  stores.store.withFence(tenantId, (transaction) => transaction.tenants.moveFence(tenantId, 1))

const count = async () => (await stores.query('select from keyhold.cipherkeys')).length
const refuse = () => Promise.reject(new KeyholdError('ERR_KMS_KEY_DISABLED'))

test('without a key job, what does not open is destroyed', async () => {
  expect(await destroy(refuse)).toMatchObject({ id: due.id })
  expect(await count()).toBe(0)
})

test('what a cancelled key job brings back just after the look is not destroyed untried', async () => {
  const job = await alone(stores.store, tenantId).keyJobs.insert(newKeyJob())
  await bringUnder(2)
  const { store } = stores
  const listFound: Store['cipherkeys']['listFound'] = async (...which) => {
    const rows = await store.cipherkeys.listFound(...which)
    await bringUnder(1)
    await endEpoch()
    await alone(store, tenantId).keyJobs.end(job.id)
    return rows
  }
  const opens = () => Promise.resolve(tenantKey)
  await destroy(opens, { ...store, cipherkeys: { ...store.cipherkeys, listFound } })
  expect(await count()).toBe(1)
  // Then it is tried.
  expect(await destroy(opens)).toMatchObject({ id: due.id })
  expect(await count()).toBe(1)
})

slowTest('what did not open is tried again where a whole key job has passed meanwhile', async () => {
  const opening = async () => {
    await bringUnder(2)
    await bringUnder(1)
    return refuse()
  }
  expect(await destroy(opening)).toBeUndefined()
  expect(await count()).toBe(1)
})
