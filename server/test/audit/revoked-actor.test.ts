// A change is committed only while the API key of its actor exists: who loses it in the middle of a change has not made it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createApiKey } from '../../src/access/create-api-key.ts'
import { deleteApiKey } from '../../src/access/delete-api-key.ts'
import { commandActor, type Actor } from '../../src/store/audits.ts'
import type { ApiKeyRole } from '../../src/store/tables.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

const refusal = { code: 'ERR_UNAUTHENTICATED' }
const operator = { role: 'operator', tenantId: undefined, name: 'an operator' } as const

let actor: Actor & { role: ApiKeyRole }
let other: typeof actor
beforeEach(async () => {
  await stores.query('delete from keyhold.api_keys')
  actor = await createActor()
  other = await createActor()
})

async function createActor() {
  const { row } = await createApiKey(stores.store, operator, commandActor)
  return { id: row.id, role: row.role }
}

const revoke = (id: string) => deleteApiKey(stores.otherStore, { id, mayEndLastOperator: true }, commandActor)
const names = async () =>
  (await stores.query("select name from keyhold.api_keys where name <> 'an operator'")).map(
    ({ name }) => name,
  )
const countRecords = async () => (await stores.query('select count(*)::int as n from keyhold.audits'))[0]?.n

test('a revoked API key cannot make its successor', async () => {
  await revoke(actor.id)
  const before = await countRecords()

  const made = createApiKey(stores.store, { ...operator, name: 'successor' }, actor)

  await expect(made).rejects.toMatchObject(refusal)
  expect([await names(), await countRecords()]).toEqual([[], before])
})

test('nor one that is revoked while its change is under way', async () => {
  const done = stores.store.transaction(async (transaction) => {
    transaction.audit({ tenantId: undefined, actor, action: 'apikey.create', targetId: 's'.repeat(16) })
    await revoke(actor.id)
    await transaction.apiKeys.insert({
      ...{ id: 's'.repeat(16), role: 'operator', tenantId: undefined, name: 'successor' },
      secretHash: Buffer.alloc(32),
    })
  })

  await expect(done).rejects.toMatchObject(refusal)
  expect(await names()).toEqual([])
})

test('one whose role is another than the caller had changes nothing either', async () => {
  await stores.query("update keyhold.api_keys set role = 'service' where id = $1", [actor.id])

  await expect(createApiKey(stores.store, operator, actor)).rejects.toMatchObject(refusal)
})

slowTest(
  'who deletes an API key waits until a change is committed that it has confirmed, and not before that',
  async () => {
    const events: string[] = []
    let revoked: Promise<unknown> = Promise.resolve()
    await stores.store.transaction(async (transaction) => {
      await revoke(other.id)
      await transaction.confirmActor(actor)
      revoked = revoke(actor.id).then(() => events.push('revoked'))
      await expect
        .poll(() =>
          stores.query(
            "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
          ),
        )
        .toHaveLength(1)
      events.push('committed')
    })
    await revoked

    expect(events).toEqual(['committed', 'revoked'])
  },
)

test('an API key may delete itself, once', async () => {
  await deleteApiKey(stores.store, { id: actor.id, mayEndLastOperator: true }, actor)
  await expect(
    deleteApiKey(stores.store, { id: actor.id, mayEndLastOperator: true }, actor),
  ).rejects.toMatchObject(refusal)
})

slowTest('of two that delete each other one stays', async () => {
  const outcomes = await Promise.allSettled([
    deleteApiKey(stores.store, { id: other.id, mayEndLastOperator: true }, actor),
    deleteApiKey(stores.otherStore, { id: actor.id, mayEndLastOperator: true }, other),
  ])

  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(await stores.query("select from keyhold.api_keys where name = 'an operator'")).toHaveLength(1)
})
