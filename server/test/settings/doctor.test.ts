// keyhold-server doctor and check-config: they look at everything, start nothing and show no secret.
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  databaseUrl,
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { runCommand } from '../../src/run-command.ts'
import { readSettings } from '../../src/settings/read-settings.ts'
import { ownClocks } from '../../src/store/database-clock.ts'
import { runChecks } from '../../src/wiring/commands/doctor/checks.ts'
import { tlsCheck } from '../../src/wiring/commands/doctor/tls-check.ts'
import { databaseChecks } from '../../src/wiring/commands/doctor/database-checks.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const secret = 'tr0ub4dor'
let folder: string
let dataDir: string
let postgres: TestPostgres
let connection: TestConnection
let kms: LocalKms

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-doctor-'))
  postgres = await openTestPostgres()
  connection = await postgres.createStartedDatabase()
  kms = await startLocalKms()
})
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(folder, 'data-'))
})
afterAll(async () => {
  await kms.close()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

type Environment = Record<string, string>

async function run(args: string[], environment: Environment) {
  const [stdout, stderr]: string[][] = [[], []]
  const exitCode = await runCommand(args, {
    environment: { KEYHOLD_DATA_DIR: dataDir, ...environment },
    stdout: (text) => stdout?.push(text),
    stderr: (text) => stderr?.push(text),
    onServing: () => expect.fail(),
  })
  const said = { exitCode, stdout: stdout?.join('') ?? '', stderr: stderr?.join('') ?? '' }
  expect(said.stdout + said.stderr).not.toContain(secret)
  return said
}

interface Diagnosis {
  isHealthy: boolean
  checks: { name: string; status: string; seen: string; advice?: string }[]
}

async function diagnose(environment: Environment, ...args: string[]) {
  const { exitCode, stdout, stderr } = await run(['doctor', '--json', ...args], { ...noAws, ...environment })
  const { checks } = JSON.parse(stdout) as Diagnosis
  const byName = Object.fromEntries(checks.map((check) => [check.name, check]))
  return { exitCode, stderr, byName }
}

// Nobody is asked outside of this machine.
const noAws = {
  KEYHOLD_KMS_ENDPOINT: 'http://127.0.0.1:1',
  KEYHOLD_KMS_ACCESS_KEY_ID: '111111111111',
  KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
}

const withKms = () => ({
  KEYHOLD_KMS_ENDPOINT: kms.url,
  KEYHOLD_KMS_ACCESS_KEY_ID: '111111111111',
  KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
})

test('an installation that is well', async () => {
  await run(['root-key', 'create'], {})
  const environment = { ...withKms(), KEYHOLD_DATABASE_URL: databaseUrl(connection) }
  const { byName } = await diagnose(environment)
  const names = [
    'version',
    'settings',
    'tls',
    'database',
    'schema',
    'rights',
    'connections',
    'clock',
    'root key',
    'aws',
  ]
  expect(Object.keys(byName).slice(0, names.length)).toEqual(names)
  for (const name of ['settings', 'database', 'schema', 'rights', 'clock', 'aws', 'data directory', 'disk'])
    expect(byName[name]?.status === 'ok' ? '' : byName[name]).toBe('')
  expect(byName.database?.seen).toContain(`"${connection.database}" as "${connection.user}" through a socket`)
  // Another one than that of the database.
  expect(byName['root key']).toMatchObject({
    status: 'fail',
    seen: expect.stringContaining('another') as string,
  })
})

test.each([
  [0, 'ok', '0.0 s'],
  [20_000, 'warn', 'ahead of the database'],
  [-120_000, 'fail', 'behind the database'],
])('a clock that is %i ms ahead: %s', async (aheadMs, status, seen) => {
  const settings = readSettings({ KEYHOLD_DATABASE_URL: databaseUrl(connection) })
  const clocks = { ...ownClocks, wall: () => ownClocks.wall() + aheadMs }
  const { checks, close } = databaseChecks(settings, clocks)
  const results = await runChecks(checks.filter(({ name }) => name === 'database' || name === 'clock'))
  await close()
  expect(results.at(-1)).toMatchObject({
    name: 'clock',
    status,
    seen: expect.stringContaining(seen) as string,
  })
})

test('a database that refuses, and one that is away: the other checks are made', async () => {
  // A user that there is not is refused as one with a wrong password is; the one of the tests is not asked for it.
  const wrong = { ...connection, user: 'somebody', password: secret }
  const refused = await diagnose({ KEYHOLD_DATABASE_URL: databaseUrl(wrong) })
  expect(refused.byName.database).toMatchObject({
    status: 'fail',
    seen: expect.stringMatching(/PostgreSQL says: .*\(SQLSTATE 28/) as string,
  })
  expect(refused.byName['root key']).toMatchObject({ status: 'fail' })
  expect(refused.byName.disk).toBeDefined()
  expect(refused.exitCode).toBe(1)
  const away = await diagnose({ KEYHOLD_DATABASE_URL: `postgres://keyhold:${secret}@127.0.0.1:1/keyhold` })
  expect(away.byName.database?.seen).toContain('(ECONNREFUSED)')
})

slowTest('settings that are wrong', async () => {
  const { byName, exitCode } = await diagnose({ KEYHOLD_PORT: 'eighty', KEYHOLD_DATABSE_URL: secret })
  expect(byName.settings).toMatchObject({ status: 'fail' })
  expect(byName.settings?.seen).toMatch(/did you mean KEYHOLD_DATABASE_URL.*KEYHOLD_PORT expects/)
  expect(exitCode).toBe(1)
})

test('the embedded database is not started, and nothing is made', async () => {
  const { byName } = await diagnose({})
  expect(byName.database).toMatchObject({ status: 'ok', seen: expect.stringContaining('embedded') as string })
  expect(await readdir(dataDir)).toEqual([])
  const missing = path.join(dataDir, 'not', 'there')
  const { byName: of } = await diagnose({ KEYHOLD_DATA_DIR: missing })
  expect(of['data directory']).toMatchObject({
    status: 'ok',
    seen: `${missing} is not there yet, and can be made`,
  })
  expect(await readdir(dataDir)).toEqual([])
})

slowTest('loose modes, and an AWS that does not answer', async () => {
  await chmod(dataDir, 0o777)
  await writeFile(path.join(dataDir, 'root-key'), 'x')
  await chmod(path.join(dataDir, 'root-key'), 0o644)
  await mkdir(path.join(dataDir, 'state'), { mode: 0o755 })
  const { byName } = await diagnose({ ...withKms(), KEYHOLD_KMS_ENDPOINT: 'http://127.0.0.1:1' })
  expect(byName['data directory']).toMatchObject({ status: 'fail', advice: `run chmod 700 ${dataDir}` })
  expect(byName['state directory']).toMatchObject({ status: 'warn' })
  expect(byName['root key']?.seen).toContain('has mode 0644')
  expect(byName.aws).toMatchObject({ status: 'fail' })
})

test('TLS is looked at as by a start: plain HTTP, files that fit, and when they end', async () => {
  const tls = async (environment: Environment) => (await runChecks([tlsCheck(readSettings(environment))]))[0]
  expect(await tls({})).toMatchObject({ status: 'ok' })
  expect(await tls({ KEYHOLD_HOST: '0.0.0.0' })).toMatchObject({
    status: 'fail',
    seen: expect.stringMatching(/plain HTTP to other machines.*ERR_CONFIG_INVALID/) as string,
  })
  const file = (name: string) => path.join(dataDir, name)
  const authority = createTestAuthority()
  const { key, certificate } = authority.issue(['localhost'])
  await writeFile(file('key'), key, { mode: 0o600 })
  await writeFile(file('certificate'), certificate)
  const files = { KEYHOLD_TLS_CERTIFICATE_FILE: file('certificate'), KEYHOLD_TLS_KEY_FILE: file('key') }
  expect(await tls({ ...files, KEYHOLD_HOST: '0.0.0.0' })).toMatchObject({
    status: 'ok',
    seen: expect.stringMatching(/^certificate until 20/) as string,
  })
  await writeFile(file('certificate'), authority.issue(['localhost'], -1_000).certificate)
  expect(await tls(files)).toMatchObject({
    status: 'fail',
    seen: expect.stringContaining('is not the key of') as string,
  })
  const ended = authority.issue(['localhost'], -1_000)
  await writeFile(file('certificate'), ended.certificate)
  await writeFile(file('key'), ended.key)
  expect(await tls(files)).toMatchObject({ status: 'warn' })
})

test('for people: what was seen, and what to do', async () => {
  const { stdout, exitCode } = await run(['doctor'], noAws)
  expect(stdout).toMatch(/^ok {4}version +Keyhold 0/)
  expect(stdout).toMatch(/\nfail {2}root key +there is none in .*\n +→ put a copy/)
  expect(exitCode).toBe(1)
})

test('check-config shows what is in force, and all that is wrong', async () => {
  const url = `postgres://keyhold:${secret}@127.0.0.1/keyhold`
  const good = await run(['check-config'], { KEYHOLD_DATABASE_URL: url, KEYHOLD_PORT: '8181' })
  expect([good.exitCode, good.stderr]).toEqual([0, ''])
  expect(good.stdout).toContain('KEYHOLD_PORT=8181  (environment)\n')
  expect(good.stdout).toContain('KEYHOLD_DATABASE_URL=hidden  (environment)\n')
  expect(good.stdout).toContain('KEYHOLD_HOST=127.0.0.1  (default)\n')
  const hosts = { KEYHOLD_DATABASE_URL: `postgres://keyhold:${secret}@a,b/k?target_session_attrs=any` }
  const anyHost = await run(['check-config'], hosts)
  expect(anyHost).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('another target_session_attrs than read-write') as string,
  })
  const link = await run(['check-config'], { KEYHOLD_PORT: 'tcp://10.0.0.1:80' })
  expect(link.stdout).toContain('KEYHOLD_PORT=8180  (default)\n')
  const file = path.join(dataDir, 'url')
  await writeFile(file, url, { mode: 0o600 })
  const inFile = await run(['check-config', '--json'], { KEYHOLD_DATABASE_URL_FILE: file })
  expect(JSON.parse(inFile.stdout)).toMatchObject({
    problems: [],
    settings: expect.arrayContaining([
      { name: 'KEYHOLD_DATABASE_URL', value: `hidden, in ${file}`, source: 'file' },
    ]) as unknown,
  })
  const endpoint = await run(['check-config'], { KEYHOLD_KMS_ENDPOINT: `http://me:${secret}@kms.example` })
  expect(endpoint.stdout).toContain('KEYHOLD_KMS_ENDPOINT=http://hidden@kms.example  (environment)\n')
  const issuers = path.join(folder, 'issuers.json')
  await writeFile(issuers, '{"issuers":[{"name":"x"}]}')
  const unusable = await run(['check-config'], { KEYHOLD_ISSUERS_FILE: issuers })
  expect([unusable.exitCode, unusable.stderr]).toEqual([2, expect.stringContaining('/issuers/0')])
  await writeFile(issuers, '{"issuers":[]}')
  expect((await run(['check-config'], { KEYHOLD_ISSUERS_FILE: issuers })).exitCode).toBe(0)

  const bad = await run(['check-config'], {
    KEYHOLD_PORT: 'eighty',
    KEYHOLD_DRAIN_SECONDS: '-1',
    KEYHOLD_DATABSE_URL: url,
    KEYHOLD_KMS_ACCESS_KEY_ID: 'x',
  })
  expect(bad.exitCode).toBe(2)
  expect(bad.stderr.match(/ERR_CONFIG_INVALID/g)).toHaveLength(3)
  expect(await readdir(dataDir)).toEqual(['url'])
})
