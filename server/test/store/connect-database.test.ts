// An operator reads the reason when the configured database cannot be used.
import { createServer, type AddressInfo, type Server } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { connectDatabase } from '../../src/wiring/connect-database.ts'
import { explainDatabaseError } from '../../src/wiring/explain-database-error.ts'
import {
  databaseUrl,
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let empty: TestConnection
beforeAll(async () => {
  postgres = await openTestPostgres()
  empty = await postgres.createDatabase()
})
afterAll(() => postgres.stop())

const secret = 'tr0ub4dor'

function connect(url: string) {
  const environment = { KEYHOLD_DATABASE_URL: url, KEYHOLD_ALLOW_UNVERIFIED_DATABASE: 'true' }
  return connectDatabase(readSettings(environment), pino({ level: 'silent' }))
}

test('a good URL connects, over a socket as well', async () => {
  const { close, connection } = await connect(databaseUrl(empty))
  expect(connection).toEqual({ url: databaseUrl(empty) })
  await close()
})

test.each([
  ['nothing listens', () => `postgres://keyhold:${secret}@127.0.0.1:1/keyhold`, 'ECONNREFUSED'],
  ['the host has no address', () => `postgres://keyhold:${secret}@keyhold.invalid/keyhold`, 'E[A-Z_]+'],
  ['there is no socket', () => databaseUrl({ ...empty, port: 1 }), 'ENOENT'],
])('where %s the database is unavailable, and the message says what to check', async (_, url, code) => {
  await expect(connect(url())).rejects.toMatchObject({
    code: 'ERR_DATABASE_UNAVAILABLE',
    message: expect.stringMatching(
      new RegExp(
        `^The database server cannot be reached \\(${code}\\): check KEYHOLD_DATABASE_URL and that PostgreSQL runs\\.`,
      ),
    ) as string,
  })
})

test.each([
  // PostgreSQL says the same of a wrong password, and does not ask the user of the tests for one.
  [
    'the password is wrong',
    () => databaseUrl({ ...empty, user: 'somebody', password: secret }),
    /SQLSTATE 28P01.*password/,
  ],
  ['the user is unknown', () => databaseUrl({ ...empty, user: 'nobody' }), /"nobody" \(SQLSTATE 28.*user/],
  [
    'the database is missing',
    () => databaseUrl({ ...empty, database: 'nowhere' }),
    /"nowhere.*SQLSTATE 3D000.*create/,
  ],
  ['the URL cannot be read', () => `postgres://keyhold:${secret}@[::1/keyhold`, /form/],
  ['the port is none', () => `postgres://keyhold:${secret}@127.0.0.1:99999/keyhold`, /form/],
  [
    'a CA is not there',
    () => `${tcp()}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`,
    /ca\.pem.*ENOENT.*sslrootcert/,
  ],
  ['a CA is a folder', () => `${tcp()}?sslmode=verify-full&sslrootcert=/tmp`, /cannot be read.*EISDIR/],
  ['the server speaks no TLS', () => `${tcp()}?sslmode=verify-full`, /no TLS/],
])('where %s the setting is named and its value is not', async (_, url, advice) => {
  const error: unknown = await connect(url()).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringContaining('KEYHOLD_DATABASE_URL') as string,
  })
  expect(String(error)).toMatch(advice)
  expect(String(error)).not.toContain(secret)
})

/** A server that knows no TLS, as PostgreSQL with "ssl = off" answers. */
let refusing: Server
let refusingPort = 0
beforeAll(async () => {
  refusing = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end('N'))
  })
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
  refusingPort = (refusing.address() as AddressInfo).port
})
afterAll(() => refusing.close())

const tcp = () => `postgres://keyhold:${secret}@127.0.0.1:${refusingPort}/keyhold`

function postgresError(code: string, message: string): Error {
  return Object.assign(new Error(message), { severity: 'FATAL', code })
}

test.each([
  [
    postgresError('28000', 'no pg_hba.conf entry for host "10.0.0.9", user "k", database "k", no encryption'),
    /wants TLS.*no encryption.*SQLSTATE 28000.*sslmode=verify-full/,
    'ERR_CONFIG_INVALID',
  ],
  [
    postgresError('42501', 'permission denied for database "k"'),
    /permission denied.*SQLSTATE 42501.*--serve-role/,
    'ERR_CONFIG_INVALID',
  ],
  [
    postgresError('08P01', 'unsupported startup parameter: options'),
    /unsupported startup parameter.*without a pooler/,
    'ERR_CONFIG_INVALID',
  ],
  [
    postgresError('53300', 'sorry, too many clients already'),
    /too many clients.*max_connections/,
    'ERR_DATABASE_UNAVAILABLE',
  ],
  [
    postgresError('57P03', 'the database system is starting up\x1b[2J'),
    /starting up\\u001b.*KEYHOLD_DATABASE_WAIT_SECONDS/,
    'ERR_DATABASE_UNAVAILABLE',
  ],
  [
    Object.assign(new Error('self-signed'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    /authority that is not known.*sslrootcert/,
    'ERR_CONFIG_INVALID',
  ],
  [Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), /has expired/, 'ERR_CONFIG_INVALID'],
])('%s is explained', (cause, said, code) => {
  const error = explainDatabaseError(cause)
  expect(error.code).toBe(code)
  expect(error.message).toMatch(said)
  expect(error.message).not.toContain('\x1b')
})

test('a server that is told to waits for a database that is away, and for nothing else', async () => {
  const settings = { KEYHOLD_DATABASE_WAIT_SECONDS: '1' }
  const waiting = async (url: string) => {
    const start = performance.now()
    const error: unknown = await connectDatabase(
      readSettings({ ...settings, KEYHOLD_DATABASE_URL: url }),
      pino({ level: 'silent' }),
    ).catch((reason: unknown) => reason)
    return { error, ms: performance.now() - start }
  }
  const away = await waiting(`postgres://keyhold:${secret}@127.0.0.1:1/keyhold`)
  expect(away.error).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' })
  expect(away.ms).toBeGreaterThan(900)
  const missing = await waiting(databaseUrl({ ...empty, database: 'nowhere' }))
  expect(missing.error).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  expect(missing.ms).toBeLessThan(900)
})
