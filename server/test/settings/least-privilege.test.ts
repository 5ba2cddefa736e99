// Two roles in PostgreSQL: one owns the tables and runs `keyhold-server migrate`, the other one serves and may change no table.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  databaseUrl,
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import pg from 'pg'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import { encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import { keyholdSettings } from '../../../testkit/src/process/keyhold-settings.ts'
import { startQuietServer } from '../../../testkit/src/server/start-quiet-server.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import type { Server } from '../../src/main.ts'
import { keyholdVersion } from '../../src/driver/application-name.ts'
import { runCommand } from '../../src/run-command.ts'
import { migrateDatabase } from '../../src/wiring/commands/migrate-database.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const suffix = randomBytes(6).toString('hex')
const owner = `owner_${suffix}`
const serving = `serving-${suffix}`
const stranger = `stranger-${suffix}`
let folder: string
let postgres: TestPostgres
let connection: TestConnection
let kms: LocalKms
/** The newest schema migration. */
let newest = ''
const query = (statement: string) => postgres.query(connection, statement)
const as = (user: string) => databaseUrl({ ...connection, user, password: 'x' })

/** Runs one statement as the role of the server. */
async function asServing(statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ ...connection, user: serving, password: 'x' })
  await client.connect()
  try {
    return await client.query(statement)
  } finally {
    await client.end()
  }
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-roles-'))
  kms = await startLocalKms()
  postgres = await openTestPostgres()
  connection = await postgres.createDatabase()
  for (const role of [owner, serving, stranger]) await query(`create role "${role}" login password 'x'`)
  await query(`grant create on database ${connection.database} to ${owner}`)
})
afterAll(async () => {
  await postgres.stop()
  await kms.close()
  await rm(folder, { recursive: true, force: true })
})

interface Run {
  exitCode: number | undefined
  stdout: string
  stderr: string
}

async function run(args: string[], user: string): Promise<Run> {
  const [stdout, stderr]: string[][] = [[], []]
  const exitCode = await runCommand(args, {
    environment: {
      ...keyholdSettings({ dataDir: path.join(folder, 'data'), kmsUrl: kms.url }),
      KEYHOLD_DATABASE_URL: as(user),
    },
    stdout: (text) => stdout?.push(text),
    stderr: (text) => stderr?.push(text),
    onServing: () => undefined,
  })
  return { exitCode, stdout: stdout?.join('') ?? '', stderr: stderr?.join('') ?? '' }
}

async function serve(): Promise<Server> {
  const kmsUrl = kms.url
  const environment = keyholdSettings({ dataDir: path.join(folder, 'data'), kmsUrl })
  return startQuietServer({ ...environment, KEYHOLD_DATABASE_URL: as(serving) })
}

test('a role without rights does not begin, and says what to run', async () => {
  await expect(serve()).rejects.toMatchObject({
    code: 'ERR_SCHEMA_OLDER',
    message: expect.stringContaining('keyhold-server migrate') as string,
  })
  const { exitCode, stderr } = await run(['migrate'], serving)
  expect(exitCode).toBe(1)
  expect(stderr).toContain('ERR_SCHEMA_OLDER')
})

slowTest('a role that does not exist is told of before anything is made', async () => {
  const { exitCode, stderr } = await run(['migrate', '--serve-role', 'nobody'], owner)
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('no role "nobody"')])
  expect(await query(`select from pg_namespace where nspname = 'keyhold'`)).toHaveLength(0)
})

test('the owner makes the schema, once, and gives the other role what a server needs', async () => {
  const first = await run(['migrate', '--serve-role', serving], owner)
  expect([first.exitCode, first.stderr]).toEqual([0, ''])
  const names = first.stdout.trimEnd().split('\n')
  expect(names[0]).toBe('0001-first-schema')
  newest = names.at(-1) ?? ''
  for (const command of ['migrate', 'upgrade-check']) {
    const { exitCode, stderr } = await run([command], stranger)
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/--serve-role.*ERR_SCHEMA_OLDER/)])
  }
  const beside = await run(['migrate', '--serve-role', stranger], serving)
  expect([beside.exitCode, beside.stderr]).toEqual([
    1,
    expect.stringMatching(/may not give "stranger.*--serve-role.*ERR_SCHEMA_OLDER/),
  ])
  const again = await run(['migrate'], owner)
  expect([again.exitCode, again.stdout]).toEqual([0, 'The schema is up to date.\n'])
})

slowTest('one connection is enough, which is what a command has beside an embedded PostgreSQL', async () => {
  const settings = {
    dataDir: folder,
    databaseUrl: as(owner),
    databaseConnections: 1,
    allowUnverifiedDatabase: false,
    armFailpoints: undefined,
  }
  expect(await migrateDatabase(settings, serving)).toEqual([])
})

slowTest('the owner gets no rights of a server in place of its own', async () => {
  const { exitCode, stderr } = await run(['migrate', '--serve-role', owner], owner)
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--serve-role names another one')])
  const asAdministrator = await run(['migrate', '--serve-role', owner], connection.user)
  expect(asAdministrator).toMatchObject({ exitCode: 2 })
  // It may still do this.
  await query(`set role ${owner}; delete from keyhold.schema_migrations where false; reset role`)
})

test('before an upgrade the other role learns whether replicas can be replaced one after the other', async () => {
  const now = await run(['upgrade-check'], serving)
  expect([now.exitCode, now.stdout]).toEqual([0, expect.stringContaining('nothing has to be migrated')])

  const take = (name: string) => query(`delete from keyhold.schema_migrations where name = '${name}'`)
  const put = (name: string) => query(`insert into keyhold.schema_migrations values ('${name}', now()::text)`)
  await take(newest)
  const rolling = await run(['upgrade-check'], serving)
  expect([rolling.exitCode, rolling.stdout]).toEqual([
    0,
    expect.stringMatching(new RegExp(`to run: ${newest}\\.\nA rolling upgrade is possible`)),
  ])
  for (const name of ['0014-fence-and-partitions', '0030-format-of-tenant-keys']) {
    await take(name)
    const stop = await run(['upgrade-check'], serving)
    expect([stop.exitCode, stop.stdout]).toEqual([
      3,
      expect.stringMatching(new RegExp(`Stop all replicas .* after ${name}\\.\n$`)),
    ])
    await put(name)
  }
  await put(newest)
  await put('9999-newer')
  const newer = await run(['upgrade-check'], serving)
  expect([newer.exitCode, newer.stderr]).toEqual([1, expect.stringContaining('ERR_SCHEMA_NEWER')])
  await take('9999-newer')
})

slowTest(
  'it names the replicas that run now, and refuses to mix versions that are not neighbours',
  async () => {
    const alive = (host: string, version: string) =>
      query(`insert into keyhold.replicas (id, host, version, root_key_id, requires_macs)
      values (gen_random_uuid(), '${host}', '${version}', 'r', true)`)
    const gone = () => query('delete from keyhold.replicas')
    const none = await run(['upgrade-check'], serving)
    expect(none.stdout).toContain('\nNo replica runs now.\n')
    const [major, minor] = keyholdVersion.split('.').map(Number)
    const neighbour = `${major}.${(minor ?? 0) + 1}.7`
    await alive('one', keyholdVersion)
    await alive('two\u001b[2J', neighbour)
    const rolling = await run(['upgrade-check'], serving)
    expect(rolling.exitCode).toBe(0)
    expect(rolling.stdout).toContain(`Replicas run now: ${keyholdVersion} on one; ${neighbour} on two`)
    expect(rolling.stdout).not.toContain('\u001b')
    await alive('three', `${major}.${(minor ?? 0) + 2}.0`)
    const stop = await run(['upgrade-check'], serving)
    expect([stop.exitCode, stop.stdout]).toEqual([
      3,
      expect.stringMatching(/Stop all replicas .*only neighbours are\.\n$/),
    ])
    await gone()
    // One that is sealed gives no sign of life, and one of before tells no version.
    const sealed = new pg.Client({ ...connection, application_name: 'keyhold' })
    await sealed.connect()
    const older = await run(['upgrade-check'], serving)
    expect([older.exitCode, older.stdout]).toEqual([
      3,
      expect.stringContaining('one that does not tell its version'),
    ])
    await sealed.end()
  },
)

slowTest('doctor names a right that the role of the server lacks', async () => {
  const rights = async () => {
    const { stdout } = await run(['doctor', '--json'], serving)
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; seen: string }[] }
    return checks.find(({ name }) => name === 'rights')
  }
  expect(await rights()).toMatchObject({ status: 'ok' })
  await query(`revoke delete on keyhold.tenants from "${serving}"`)
  expect(await rights()).toMatchObject({
    status: 'fail',
    seen: expect.stringMatching(/lacks rights: keyhold\.tenants \(delete\)$/) as string,
  })
  await query(`grant delete on keyhold.tenants to "${serving}"`)
})

test('a server with that role does all that a server does, and may change no table', async () => {
  const server = await serve()
  try {
    const tenant = await createTenant(server.url, await server.createOperatorKey('test'))
    const [token] = await encryptUnder(server.url, tenant, ['one'])
    await migrateTo(server.url, tenant, await createCustomerKey(kms.url))
    const service = openClient(server.url, tenant.serviceToken).tenant()
    expect(await service.decryptText(token ?? '')).toBe(Buffer.from(plaintextOf('one'), 'base64').toString())
    const operatorToken = await server.createOperatorKey('test')
    const { tenantId } = await createTenant(server.url, operatorToken)
    await openClient(server.url, operatorToken).call('deleteTenant', { params: { tenantId } })
  } finally {
    await server.stop()
  }
  const { rows } = await asServing('select count(*)::int as n from keyhold.audits')
  expect(rows[0]).toEqual({ n: expect.any(Number) as number })
  for (const statement of [
    'alter table keyhold.tenants add column x text',
    'drop table keyhold.audits',
    'create table keyhold.mine (x int)',
    'truncate keyhold.audits',
    'delete from keyhold.schema_migrations',
  ])
    await expect(asServing(statement)).rejects.toMatchObject({ code: '42501' })
})

test('it does not begin on an older schema', async () => {
  await query(`delete from keyhold.schema_migrations where name = '${newest}'`)
  await expect(serve()).rejects.toMatchObject({
    code: 'ERR_SCHEMA_OLDER',
    message: expect.stringMatching(new RegExp(`${newest}.*keyhold-server migrate`)) as string,
  })
})
