// An operator reads the reason when the configured database cannot be used.
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { connectDatabase } from '../../src/wiring/connect-database.ts'
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
  return connectDatabase(readSettings({ KEYHOLD_DATABASE_URL: url }), pino({ level: 'silent' }))
}

test('a good URL connects, over a socket as well', async () => {
  const { close, connection } = await connect(databaseUrl(empty))
  expect(connection).toEqual({ url: databaseUrl(empty) })
  await close()
})

test.each([
  ['nothing listens', () => `postgres://keyhold:${secret}@127.0.0.1:1/keyhold`],
  ['the host has no address', () => `postgres://keyhold:${secret}@keyhold.invalid/keyhold`],
  ['there is no socket', () => databaseUrl({ ...empty, port: 1 })],
])('where %s the database is unavailable, and the message says what to check', async (_, url) => {
  await expect(connect(url())).rejects.toMatchObject({
    code: 'ERR_DATABASE_UNAVAILABLE',
    message: 'The database server cannot be reached: check KEYHOLD_DATABASE_URL and that PostgreSQL runs.',
  })
})

test.each([
  ['the password is wrong', () => databaseUrl({ ...empty, password: secret }), /password/],
  ['the user is unknown', () => databaseUrl({ ...empty, user: 'nobody' }), /user/],
  ['the database is missing', () => databaseUrl({ ...empty, database: 'nowhere' }), /create it/],
  ['the URL cannot be read', () => `postgres://keyhold:${secret}@[::1/keyhold`, /form/],
  ['the port is none', () => `postgres://keyhold:${secret}@127.0.0.1:99999/keyhold`, /form/],
])('where %s the setting is named and its value is not', async (_, url, advice) => {
  const error: unknown = await connect(url()).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringContaining('KEYHOLD_DATABASE_URL') as string,
  })
  expect(String(error)).toMatch(advice)
  expect(String(error)).not.toContain(secret)
})
