// Which errors mean "the database cannot be asked now": told from errors that a real PostgreSQL, a real network and
// the real driver give.
import { sql } from 'kysely'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isDatabaseUnavailable, isUniqueViolation, type Database } from '../../src/store/database.ts'
import {
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let empty: TestConnection
let silent: Server
beforeAll(async () => {
  postgres = await openTestPostgres()
  empty = await postgres.createDatabase()
  await postgres.query(empty, "create role limited login password 'x' connection limit 0")
  silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  silent.close()
  await postgres.query(empty, 'drop role limited')
  await postgres.stop()
})

function to(changes: Partial<TestConnection> = {}, maxConnections = 1): Database {
  return postgres.open({ ...empty, ...changes }, maxConnections)
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: unknown) => error,
  )
}

const ask = (db: Database) => sql`select 1`.execute(db)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function deadlock(): Promise<unknown> {
  const db = to({}, 2)
  await postgres.query(empty, 'create table public.crossed (id int primary key, n int)')
  await postgres.query(empty, 'insert into public.crossed values (1, 0), (2, 0)')
  const crossing = (first: number, second: number) =>
    db.transaction().execute(async (transaction) => {
      await sql`update public.crossed set n = n + 1 where id = ${first}`.execute(transaction)
      await sleep(200)
      await sql`update public.crossed set n = n + 1 where id = ${second}`.execute(transaction)
    })
  const outcomes = await Promise.allSettled([crossing(1, 2), crossing(2, 1)])
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))[0]
}

const unavailable: Record<string, () => Promise<unknown>> = {
  'a port where nothing listens': async () => errorOf(ask(to({ host: '127.0.0.1', port: await freePort() }))),
  'a socket that is not there': () => errorOf(ask(to({ port: 1 }))),
  'a host whose name has no address': () => errorOf(ask(to({ host: 'keyhold.invalid' }))),
  'a server that takes the connection and says nothing': () =>
    errorOf(ask(to({ host: '127.0.0.1', port: portOf(silent) }))),
  'a pool that has no connection to give': async () => {
    const db = to()
    return db.connection().execute(() => errorOf(ask(db)))
  },
  'a backend ended by an administrator during a statement': () =>
    errorOf(sql`select pg_terminate_backend(pg_backend_pid())`.execute(to())),
  'a backend ended between two statements': () =>
    to()
      .connection()
      .execute(async (connection) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection)
        await postgres.query(empty, `select pg_terminate_backend(${rows[0]?.pid ?? 0})`)
        await sleep(100)
        return errorOf(ask(connection))
      }),
  'more connections than are allowed': () => errorOf(ask(to({ user: 'limited', password: 'x' }))),
  'a server that only reads, as a standby does': () =>
    errorOf(
      to()
        .connection()
        .execute(async (connection) => {
          await sql`set default_transaction_read_only = on`.execute(connection)
          await sql`create table public.not_here (id int)`.execute(connection)
        }),
    ),
  'a transaction that was idle for too long': () =>
    errorOf(
      to()
        .transaction()
        .execute(async (transaction) => {
          await sql`set local idle_in_transaction_session_timeout = 50`.execute(transaction)
          await sleep(250)
          await ask(transaction)
        }),
    ),
  'a deadlock': deadlock,
}

test.each(Object.keys(unavailable))('%s: not available', { concurrent: true }, async (name) => {
  const error = await unavailable[name]?.()
  expect(error).toBeInstanceOf(Error)
  expect(isDatabaseUnavailable(error), String(error)).toBe(true)
})

const others: Record<string, () => Promise<unknown>> = {
  'a wrong password': () => errorOf(ask(to({ user: 'limited', password: 'wrong' }))),
  'a database that does not exist': () => errorOf(ask(to({ database: 'nowhere' }))),
  'a statement with a mistake': () => errorOf(sql`selec 1`.execute(to())),
  'a table that does not exist': () => errorOf(to().selectFrom('tenants').selectAll().execute()),
  'a violated constraint': () => errorOf(sql`select 1 / 0`.execute(to())),
  'an error of the program': () => Promise.resolve(new TypeError('undefined is not a function')),
  'something that is no error': () => Promise.resolve('Connection terminated'),
}

test.each(Object.keys(others))('%s: another matter', { concurrent: true }, async (name) => {
  expect(isDatabaseUnavailable(await others[name]?.())).toBe(false)
})

// Those that cannot be had here, by their codes in PostgreSQL's appendix A and in Node's list of system errors.
test.each([
  ...['08006', '53100', '53200', '57P02', '57P03', '40001', '25006'],
  ...['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'],
])('%s: not available', (code) => {
  expect(isDatabaseUnavailable(Object.assign(new Error('x'), { code }))).toBe(true)
})

test('a unique violation is told by the name of its constraint', async () => {
  const db = to()
  await sql`create table public.once (id int constraint once_only unique)`.execute(db)
  await sql`insert into public.once values (1)`.execute(db)
  const error = await errorOf(sql`insert into public.once values (1)`.execute(db))
  expect(isUniqueViolation(error, 'once_only')).toBe(true)
  expect(isUniqueViolation(error, 'another')).toBe(false)
  expect(isUniqueViolation(new Error('once_only'), 'once_only')).toBe(false)
})
