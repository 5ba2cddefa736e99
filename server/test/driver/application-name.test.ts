// Each connection of Keyhold shows its version in the database, also where the URL gives it another name.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import manifest from '../../package.json' with { type: 'json' }
import { applicationName, versionInName } from '../../src/driver/application-name.ts'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('a running server shows its version on every connection', async () => {
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  const rows = await server.query(
    'select distinct application_name as name from pg_stat_activity where datname = current_database()',
  )
  const names = rows.map(({ name }) => String(name)).filter((name) => name !== 'test')
  expect(names.sort()).toEqual(
    ['', ' jobs', ' notifications', ' readiness'].map((use) => `keyhold/${manifest.version}${use}`),
  )
})

test.each([
  ['parts', () => server.databaseConnection()],
  ['a URL', () => ({ url: databaseUrl(server.databaseConnection()) })],
  [
    'a URL with a name',
    () => ({ url: `${databaseUrl(server.databaseConnection())}&application_name=keyhold&x=1` }),
  ],
  [
    'a URL without parameters',
    () => ({ url: databaseUrl(server.databaseConnection()).replace(/\?.*/, '?application_name=other') }),
  ],
])('%s does not change the name', (_, connection) => {
  const config = pinnedConfig(connection(), applicationName('command'))
  const client = new PinnedClient(config)
  expect(client).toMatchObject({
    connectionParameters: { application_name: `keyhold/${manifest.version} command` },
  })
})

test.each([
  ['keyhold/1.2.3', '1.2.3'],
  ['keyhold/1.2.3-rc.1 jobs', '1.2.3-rc.1'],
  ['keyhold', ''],
  ['keyhold notifications', ''],
  ['keyholder', undefined],
  ['psql', undefined],
  ['', undefined],
])('the version in "%s" is %j', (name, version) => {
  expect(versionInName(name)).toBe(version)
})
