// The rows of live replicas: counted by the database's clock, taken away at the end, and deleted when they are old.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHeartbeat } from '../../src/installation/start-heartbeat.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

const age = (id: string, milliseconds: number) =>
  stores.query(`update keyhold.replicas set seen_at = now() - $2 * interval '1 millisecond' where id = $1`, [
    id,
    milliseconds,
  ])
const ids = async () =>
  (await stores.query('select id from keyhold.replicas order by id')).map((row) => row.id)

test('each counts the others that are alive, not itself, and not those that are silent or have left', async () => {
  const [first, second] = [stores.store.replicas, stores.otherStore.replicas]
  expect(await first.beat('a', 60_000)).toBe(0)
  expect(await second.beat('b', 60_000)).toBe(1)
  expect(await first.beat('a', 60_000)).toBe(1)
  await age('b', 61_000)
  expect(await first.beat('a', 60_000)).toBe(0)
  expect(await second.beat('b', 60_000)).toBe(1)
  expect(await first.beat('a', 60_000)).toBe(1)
  await second.leave('b')
  expect([await first.beat('a', 60_000), await ids()]).toEqual([0, ['a']])
})

test('each tells what it is, and one of a version before tells nothing', async () => {
  const facts = { host: 'h', version: '1.2.3', rootKeyId: '0123456789abcdef', requiresMacs: false }
  const { replicas } = stores.store
  await replicas.beat('a', 60_000, facts)
  await stores.query("insert into keyhold.replicas (id) values ('before')")
  await replicas.beat('silent', 60_000, facts)
  await age('silent', 61_000)
  const told = async () => (await replicas.listLive(60_000)).map((row) => [row.id, row.facts])
  expect(await told()).toEqual([
    ['a', facts],
    ['before', undefined],
  ])
  await replicas.beat('a', 60_000, { ...facts, requiresMacs: true })
  expect((await told())[0]).toEqual(['a', { ...facts, requiresMacs: true }])
  await replicas.leave('before')
  await replicas.leave('silent')
})

test('rows that are long silent are deleted, but never the own one', async () => {
  await stores.store.replicas.beat('old', 60_000)
  await stores.store.replicas.beat('silent', 60_000)
  await age('old', 601_000)
  await age('silent', 500_000)
  await age('a', 999_000)
  expect([await stores.store.replicas.beat('a', 60_000), await ids()]).toEqual([0, ['a', 'silent']])
})

test('replicas that come back at the same moment, all of them old, do not wait for each other', async () => {
  const names = Array.from({ length: 10 }, (_, index) => `r${index}`)
  for (let round = 0; round < 20; round++) {
    await stores.query(`update keyhold.replicas set seen_at = now() - interval '1 day'`)
    await Promise.all(names.map((name) => stores.store.replicas.beat(name, 60_000)))
  }
  // One may have been deleted by another while it came back, and is there again with its next sign.
  await Promise.all(names.map((name) => stores.store.replicas.beat(name, 60_000)))
  expect(await stores.store.replicas.beat('r0', 60_000)).toBe(9)
})

test('work in the background that holds all its connections does not keep a replica from its sign of life', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const held = Array.from({ length: 20 }, () => stores.store.transaction(() => promise))
  const heartbeat = await startHeartbeat({
    store: stores.store,
    ...{ beatMs: 5, goneMs: 60_000, onError: (error: unknown) => expect.fail(String(error)) },
  })
  // Another one is noticed, so a second sign has been given.
  const before = heartbeat.replicas()
  await stores.otherStore.replicas.beat('new', 60_000)
  await expect.poll(() => heartbeat.replicas(), { timeout: 20_000 }).toBe(before + 1)
  await heartbeat.close()
  resolve(undefined)
  await Promise.all(held)
})
