// A database may set for Keyhold's role where names are looked up. No connection of Keyhold's follows it: a function of the
// same name in another schema is never called.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'
import { decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { createTenantWithOwnKey } from '../http/scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  const { user, database } = server.databaseConnection()
  await server.query(`create schema evil; ${shadows}
    alter role ${user} in database ${database} set search_path = evil, pg_catalog`)
})
afterAll(() => server.stop())

const trap = "language plpgsql as $$ begin raise exception 'a shadow was called'; end $$"
const shadowed = [
  ...['now() returns timestamptz', 'clock_timestamp() returns timestamptz', 'gen_random_uuid() returns uuid'],
  ...['pg_notify(text, text) returns void', 'pg_current_snapshot() returns pg_snapshot'],
  ...['pg_advisory_xact_lock(integer, integer) returns void', 'pg_try_advisory_lock(bigint) returns boolean'],
  ...['date_trunc(text, timestamptz) returns timestamptz', 'to_regclass(text) returns regclass'],
  ...['count_one(bigint) returns bigint', 'texteq(text, text) returns boolean'],
]
const shadows = `${shadowed.map((each) => `create function evil.${each} ${trap};`).join('\n')}
  create operator evil.= (leftarg = text, rightarg = text, function = evil.texteq);
  create table evil.pg_settings as select 'fsync' as name, 'off' as setting;`

/** A connection that begins as the database wants it. */
async function unpinned<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client(server.databaseConnection())
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('the shadows are there for all others', async () => {
  await expect(unpinned((client) => client.query('select now()'))).rejects.toThrow('a shadow was called')
  const { rows } = await unpinned((client) => client.query('select setting from pg_settings'))
  expect(rows).toEqual([{ setting: 'off' }])
})

test('a server starts, encrypts, migrates and decrypts, and calls none of them', async () => {
  await server.restart()
  const tenant = await createTenantWithOwnKey(server)
  const tokens = await encryptUnder(server.url, tenant, ['one'])
  await server.sweep()
  expect(await decryptAll(server.url, tenant, tokens)).toEqual([plaintextOf('one')])
})

const url = () => databaseUrl(server.databaseConnection())
test.each([
  ['parts', () => server.databaseConnection(), '0'],
  ['a URL', () => ({ url: url() }), '0'],
  ['a URL without parameters', () => ({ url: url().replace(/\?.*/, '') }), undefined],
  ['a URL with options', () => ({ url: `${url()}&options=-c%20lock_timeout%3D7s` }), '7s'],
  [
    'a URL with the same option',
    () => ({
      url: `${url()}&options=-c+search_path%3Devil&options=-c+lock_timeout%3D7s%20-c+search_path=evil`,
    }),
    '7s',
  ],
])('%s', async (_, connection, lockTimeout) => {
  const config = pinnedConfig(connection())
  expect(new PinnedClient(config)).toMatchObject({
    connectionParameters: {
      options: expect.stringMatching(/(^| )-c search_path=pg_catalog,pg_temp$/) as string,
    },
  })
  if (lockTimeout === undefined) return
  const client = new PinnedClient(config)
  await client.connect()
  const { rows } = await client.query(
    "select current_setting('search_path') as path, current_setting('lock_timeout') as wait",
  )
  await client.end()
  expect(rows).toEqual([{ path: 'pg_catalog,pg_temp', wait: lockTimeout }])
})

slowTest('a temporary table of the same name hides none of the catalog', async () => {
  const client = new PinnedClient(pinnedConfig(server.databaseConnection()))
  await client.connect()
  await client.query("create temporary table pg_settings as select 'fsync' as name, 'off' as setting")
  const { rows } = await client.query("select setting from pg_settings where name = 'fsync'")
  await client.end()
  expect(rows).toEqual([{ setting: 'on' }])
})

test('where the startup option is dropped, as by a pooler, the connection is refused and ended', async () => {
  const dropped = { ...pinnedConfig(server.databaseConnection()), options: '', application_name: 'dropped' }
  const pool = new pg.Pool(dropped)
  const refusal = { code: 'ERR_DATABASE_UNSAFE', message: expect.stringContaining('pooler') as string }

  await expect(new PinnedClient(dropped).connect()).rejects.toMatchObject(refusal)
  await expect(pool.query('select')).rejects.toMatchObject(refusal)

  await pool.end()
  await expect
    .poll(() => server.query("select from pg_stat_activity where application_name = 'dropped'"))
    .toEqual([])
})
