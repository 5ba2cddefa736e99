// A PostgreSQL that begins only to read, as one that was demoted, and one of several hosts that goes: every connection of this
// process notices.
import { sql } from 'kysely'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'
import { listenForChanges } from '../../src/store/changes/listen-for-changes.ts'
import { askDatabase } from '../../src/store/connections/database-watch.ts'
import { openReadiness } from '../../src/store/connections/readiness.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { startPostgresProxy } from '../../../testkit/src/cluster/postgres-proxy.ts'
import {
  startOwnPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let connection: TestConnection
let admin: pg.Client
beforeAll(async () => {
  postgres = await startOwnPostgres()
  connection = await postgres.createDatabase()
  await postgres.query(connection, 'create schema keyhold')
  await postgres.query(
    connection,
    'create table keyhold.changes (id bigint, xid xid8, origin uuid, content jsonb)',
  )
  admin = new pg.Client({ ...connection, database: 'postgres' })
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

const refusal = { code: 'ERR_DATABASE_UNAVAILABLE', message: expect.stringContaining('only reads') as string }

async function setReadOnly(isReadOnly: boolean): Promise<void> {
  await admin.query(`alter system set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`)
  await admin.query('select pg_reload_conf()')
}

async function pidOf(db: Database): Promise<number | undefined> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  return rows[0]?.pid
}

test('once one connection finds it out, all are cut, no new one is taken, and all come back when it takes changes', async () => {
  const db = postgres.open(connection, 2)
  const readiness = openReadiness(connection)
  onTestFinished(() => readiness.close())
  const lost: string[] = []
  const listener = listenForChanges({
    ...{ connection, origin: '00000000-0000-4000-8000-000000000001', onChange: () => undefined },
    beat: { everyMs: 60_000, answerMs: 5_000 },
    onUnknown: () => undefined,
    onError: () => lost.push('listener'),
  })
  onTestFinished(() => listener.close())
  await listener.started
  const idle = new PinnedClient(pinnedConfig(connection))
  idle.on('error', () => lost.push('idle'))
  await idle.connect()
  await pidOf(db)
  expect([await readiness.isReady(), lost]).toEqual([true, []])

  await setReadOnly(true)
  await expect.poll(() => readiness.isReady()).toBe(false)
  await expect.poll(() => lost).toEqual(expect.arrayContaining(['idle', 'listener']))
  await expect(pidOf(db)).rejects.toMatchObject(refusal)
  await expect(askDatabase(connection)).rejects.toMatchObject(refusal)
  await expect(new PinnedClient(pinnedConfig(connection)).connect()).rejects.toMatchObject(refusal)

  await setReadOnly(false)
  await expect.poll(() => readiness.isReady()).toBe(true)
  expect(await pidOf(db)).toBeTypeOf('number')
})

test('a connection over which a change was refused is not used again', async () => {
  const db = postgres.open(connection, 1)
  const pid = await db.connection().execute(async (one) => {
    await sql`set default_transaction_read_only = on`.execute(one)
    await expect(sql`create table public.no (id int)`.execute(one)).rejects.toMatchObject({ code: '25006' })
    return pidOf(one)
  })
  expect(await pidOf(db)).not.toBe(pid)
  await sql`create table public.yes (id int)`.execute(db)
})

test('a failed statement of another kind leaves its connection in use', async () => {
  const db = postgres.open(connection, 1)
  const pid = await pidOf(db)
  await expect(sql`select 1 / 0`.execute(db)).rejects.toMatchObject({ code: '22012' })
  expect(await pidOf(db)).toBe(pid)
})

test('of several hosts each connection goes to the one that answers, and to another one when that goes', async () => {
  const socket = path.join(connection.host, `.s.PGSQL.${connection.port}`)
  const [first, second] = [await startPostgresProxy(socket), await startPostgresProxy(socket)]
  onTestFinished(() => second.close())
  const { user, password, database } = connection
  const hosts = `127.0.0.1:1,127.0.0.1:${first.port},127.0.0.1:${second.port}`
  const url = `postgres://${user}:${password}@${hosts}/${database}?target_session_attrs=read-write`
  const db = openDatabase(
    { url },
    { maxConnections: 2, applicationName: 'several', onError: () => undefined },
  )
  onTestFinished(() => db.destroy())
  const readiness = openReadiness({ url })
  onTestFinished(() => readiness.close())
  const client = new PinnedClient(pinnedConfig({ url }))
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  client.on('error', () => undefined)

  await client.connect()
  const pid = await pidOf(db)
  expect([client.port, await readiness.isReady()]).toEqual([first.port, true])
  await first.close()
  await ended
  await expect.poll(() => pidOf(db).catch(() => undefined)).toBeTypeOf('number')
  expect(await pidOf(db)).not.toBe(pid)
  expect(await readiness.isReady()).toBe(true)
  const next = new PinnedClient(pinnedConfig({ url }))
  await next.connect()
  expect(next.port).toBe(second.port)
  await next.end()
})

slowTest(
  'a host that falls silent is left as soon as anybody notices, and whoever waits for it is told',
  async () => {
    const socket = path.join(connection.host, `.s.PGSQL.${connection.port}`)
    const [first, second] = [await startPostgresProxy(socket), await startPostgresProxy(socket)]
    onTestFinished(async () => {
      await Promise.all([first.close(), second.close()])
    })
    const { user, password, database } = connection
    const url = `postgres://${user}:${password}@127.0.0.1:${first.port},127.0.0.1:${second.port}/${database}`
    const db = openDatabase(
      { url },
      { maxConnections: 1, applicationName: 'silent', onError: () => undefined },
    )
    onTestFinished(() => db.destroy())
    const readiness = openReadiness({ url })
    onTestFinished(() => readiness.close())
    expect([await readiness.isReady(), await pidOf(db)]).toEqual([true, expect.any(Number)])

    first.isSilent = true
    const waiting = expect(pidOf(db)).rejects.toThrow('Connection terminated')
    expect(await readiness.isReady()).toBe(false)
    await expect.poll(() => readiness.isReady(), { timeout: 20_000 }).toBe(true)
    await waiting
    expect(await pidOf(db)).toBeTypeOf('number')
  },
)
