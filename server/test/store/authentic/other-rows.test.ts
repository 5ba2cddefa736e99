// A database that answers with a genuine row, of something else than what was asked for.
import type { CompiledQuery } from 'kysely'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { alone } from '../../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { openDatabaseClock } from '../../../src/store/database-clock.ts'
import type { Database } from '../../../src/store/database.ts'
import { createStore, type Store } from '../../../src/store/store.ts'
import { insertTenant, newCipherkey, tenantId, tenantKeyRow } from '../stored-rows.ts'

let postgres: TestPostgres
let database: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  await insertTenant(database.store)
  await alone(database.store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  await database.store.transaction(async ({ cipherkeys }) => {
    for (const keyName of ['pay', 'chat']) await cipherkeys.insertActive(newCipherkey({ keyName }))
  })
})
afterAll(() => postgres.stop())

/** Whoever asks for `asked` is answered as if for `answered`. */
async function openLyingStore(asked: unknown, answered: unknown): Promise<Store> {
  const { db, store } = database
  const other = (value: unknown) => (value === asked ? answered : value)
  const lie = (query: CompiledQuery) => ({
    ...query,
    parameters: query.parameters.map((value) => (Array.isArray(value) ? value.map(other) : other(value))),
  })
  const lying = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args)
        if (name === 'executeQuery')
          return (query: CompiledQuery, ...rest: unknown[]) => call(lie(query), ...rest)
        return name === 'getExecutor' ? () => lying(call() as object) : call
      },
    })
  return createStore(lying<Database>(db), await openDatabaseClock(db), { macs: store.macs })
}

test('another tenant key version of the tenant is refused', async () => {
  const { tenantKeys } = await openLyingStore(2, 1)
  expect(await tenantKeys.find(tenantId, 1)).toMatchObject({ version: 1 })
  await expect(tenantKeys.find(tenantId, 2)).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
})

test('a data key of another name is refused', async () => {
  const { cipherkeys, dataKeys } = await openLyingStore('pay', 'chat')
  const refused = { code: 'ERR_KEY_INTEGRITY' }
  expect(await cipherkeys.findActive(tenantId, 'chat')).toMatchObject({ keyName: 'chat' })
  expect(await dataKeys.find(tenantId, 'chat')).toMatchObject({ keyName: 'chat' })
  await expect(cipherkeys.findActive(tenantId, 'pay')).rejects.toMatchObject(refused)
  await expect(dataKeys.find(tenantId, 'pay')).rejects.toMatchObject(refused)
})

test('another data key, and another version of one, are refused by their position', async () => {
  const [row] = await database.query(
    `select data_key_id as id from keyhold.cipherkeys where tenant_id = '${tenantId}' and key_name = 'chat'`,
  )
  const [dataKeyId, other] = [String(row?.id), randomUUID()]
  const refused = { code: 'ERR_KEY_INTEGRITY' }
  const ofOther = (await openLyingStore(other, dataKeyId)).cipherkeys
  expect(await ofOther.find(tenantId, dataKeyId, 1)).toMatchObject({ dataKeyId, version: 1 })
  await expect(ofOther.find(tenantId, other, 1)).rejects.toMatchObject(refused)
  const ofVersion = (await openLyingStore(9, 1)).cipherkeys
  await expect(ofVersion.find(tenantId, dataKeyId, 9)).rejects.toMatchObject(refused)
})
