// Messages between replicas arrive once, in spite of dead connections, of lost notifications and of the order of commits.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { applicationName } from '../../src/driver/application-name.ts'
import type { Change } from '../../src/store/changes/change.ts'
import { changeQueries, changesChannel } from '../../src/store/changes/change-queries.ts'
import { listenForChanges, type ChangeListener } from '../../src/store/changes/listen-for-changes.ts'
import { startPostgresProxy, type PostgresProxy } from '../../../testkit/src/cluster/postgres-proxy.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const waits = { timeout: 20_000 }
const self = randomUUID()
const another = randomUUID()

let postgres: TestPostgres
let database: TestStores
let proxy: PostgresProxy
let listener: ChangeListener | undefined
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  const { host, port } = database.connection
  proxy = await startPostgresProxy(`${host}/.s.PGSQL.${port}`)
})
afterAll(async () => {
  await proxy.close()
  await postgres.stop()
})
beforeEach(() => {
  proxy.isSilent = false
  proxy.loseNotifications = false
})
afterEach(async () => {
  await listener?.close()
  listener = undefined
})

interface Options {
  everyMs?: number
  answerMs?: number
  keptMs?: number
}

/** A slow machine may take its time to answer, except where a test waits for it to give up. */
async function listen({ everyMs = 100, answerMs = 20_000, keptMs }: Options = {}) {
  const heard: string[] = []
  const errors: unknown[] = []
  let unknown = 0
  listener = listenForChanges({
    connection: { ...database.connection, host: '127.0.0.1', port: proxy.port },
    ...{ origin: self, beat: { everyMs, answerMs }, ...(keptMs !== undefined && { keptMs }) },
    onChange: (change) => heard.push('tenantId' in change ? change.tenantId : change.kind),
    onUnknown: () => unknown++,
    onError: (error) => errors.push(error),
  })
  await listener.started
  return { heard, errors, unknown: () => unknown }
}

const ended = (tenantId: string): Change => ({ kind: 'tenantEnd', tenantId })
const tell = (tenantId: string, origin = another) => database.store.changes.publish(origin, ended(tenantId))

test('a change is heard at once by all but the one that tells it, and what it was before it listened is not', async () => {
  await tell('before')
  // Longer than the test may take: notifications alone bring it.
  const { heard } = await listen({ everyMs: 60_000 })
  await tell('own', self)
  await tell('first')
  await database.store.changes.publish(another, { kind: 'denial', keyArn: 'arn', tenantId: 'second' })
  await expect.poll(() => heard, waits).toEqual(['first', 'second'])
})

test('a connection that has fallen silent is noticed, and only what was missed is told', async () => {
  const { heard, errors, unknown } = await listen({ answerMs: 1_000 })
  await tell('heard')
  await expect.poll(() => heard, waits).toEqual(['heard'])
  expect(proxy.silenceOpen(applicationName('notifications'))).toBe(1)
  await tell('missed')
  await tell('own', self)
  await tell('missed too')
  await expect.poll(() => heard, waits).toEqual(['heard', 'missed', 'missed too'])
  expect(errors[0]).toMatchObject({ message: expect.stringContaining('no sign of life') as string })
  expect(unknown()).toBe(0)
  await tell('afterwards')
  await expect.poll(() => heard, waits).toEqual(['heard', 'missed', 'missed too', 'afterwards'])
})

test('a change that was made before another and committed after it is told, also when the commit is missed', async () => {
  const { heard } = await listen({ answerMs: 1_000 })
  const commit = Promise.withResolvers<undefined>()
  const begun = Promise.withResolvers<undefined>()
  const slow = database.db.transaction().execute(async (transaction) => {
    await changeQueries(transaction).publish(another, ended('slow'))
    begun.resolve(undefined)
    await commit.promise
  })
  await begun.promise
  await tell('quick')
  await expect.poll(() => heard, waits).toEqual(['quick'])
  // Some readings come after the quick one, whose number is higher.
  await new Promise((resolve) => setTimeout(resolve, 300))
  proxy.isSilent = true
  commit.resolve(undefined)
  await slow
  proxy.silenceOpen()
  proxy.isSilent = false
  await expect.poll(() => heard, waits).toEqual(['quick', 'slow'])
})

test('notifications that are lost on the way are made up for by the next reading, each change once', async () => {
  const { heard } = await listen({ answerMs: 1_000 })
  proxy.loseNotifications = true
  await tell('lost')
  await expect.poll(() => heard, waits).toEqual(['lost'])
  proxy.loseNotifications = false
  await tell('found')
  await expect.poll(() => heard, waits).toEqual(['lost', 'found'])
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(heard).toEqual(['lost', 'found'])
})

test('after more time than changes are kept, anything may have changed', async () => {
  const { unknown } = await listen({ keptMs: 0 })
  // Each reading is later than nought milliseconds after the last.
  await expect.poll(unknown, waits).toBeGreaterThan(0)
})

slowTest('a first connection that comes late does not know what came before', async () => {
  proxy.isSilent = true
  const { unknown, errors } = await listen({ answerMs: 1_000 })
  expect(errors).not.toEqual([])
  proxy.isSilent = false
  await expect.poll(unknown, waits).toBe(1)
})

slowTest('changes are kept for ten minutes, and then deleted', async () => {
  await tell('young')
  await tell('old')
  await sql`update keyhold.changes set created_at = now() - interval '601 seconds' where content ->> 'tenantId' = 'old'`.execute(
    database.db,
  )
  await database.store.changes.forget()
  const left = await database.query(
    `select content ->> 'tenantId' as name from keyhold.changes where content ->> 'tenantId' in ('young', 'old')`,
  )
  expect(left).toEqual([{ name: 'young' }])
})

slowTest('a change of a kind that only a newer version knows is passed over', async () => {
  const { heard } = await listen()
  await database.store.changes.publish(another, { kind: 'later' } as unknown as Change)
  await tell('known')
  await expect.poll(() => heard, waits).toEqual(['known'])
})

test('a notification that no replica sent is passed over, and hides no change', async () => {
  const { heard, errors } = await listen()
  const notify = (payload: string) =>
    sql`select pg_notify(${changesChannel}, ${payload})`.execute(database.db)
  await tell('first')
  await expect.poll(() => heard, waits).toEqual(['first'])
  for (const payload of ['', 'no JSON', 'null', '7', '[]', '{}', '{"id":"1"}']) await notify(payload)
  const last = await sql<{ id: number }>`select max(id)::int as id from keyhold.changes`.execute(database.db)
  const id = (last.rows[0]?.id ?? 0) + 1
  await notify(JSON.stringify({ id, origin: another, content: { kind: 'later' } }))
  await tell('second')
  await expect.poll(() => heard, waits).toEqual(['first', 'second'])
  expect(errors).toEqual([])
})
