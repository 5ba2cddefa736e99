// An installation from before MACs is adopted beside its running replica: what steers is shown, signed, and required.
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { stripMacs } from '../../../testkit/src/database/strip-macs.ts'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'
import { surveyRows } from '../../src/installation/adoption/survey-rows.ts'
import { runCommand } from '../../src/run-command.ts'
import { adoptedKinds } from '../../src/store/authentic/adopt-rows.ts'
import { adoptIntegrity, type AdoptOptions } from '../../src/wiring/commands/adoption/adopt-integrity.ts'
import { withCommandStore } from '../../src/wiring/commands/adoption/open-command-store.ts'

let server: TestServer
let form1: string
let form2: string
let tenantId: string
let keyArn: string
beforeAll(async () => {
  server = await startTestServer({}, { timings: { heartbeatMs: 20 } })
  ;({ form1, form2 } = await putForm1(server.dataDir))
  await server.restart()
  const tenant = await server.createTenant()
  ;({ tenantId } = tenant)
  keyArn = await server.createCustomerKey([tenantId])
  await registerKey(server.url, tenant, keyArn)
  const { serviceToken: token } = tenant
  const items = [{ plaintext: Buffer.from('secret').toString('base64'), keyName: 'pay' }]
  const { status } = await server.request('POST', '/api/v1/encryption/encrypt', { token, body: { items } })
  expect(status).toBe(200)
})
afterAll(() => server.stop())

const file = () => path.join(server.dataDir, 'root-key')
const heldNow = async () =>
  (await server.query('select requires_macs as held from keyhold.replicas')).map(({ held }) => held)

/** Puts the installation back to before its adoption. */
async function forget(): Promise<void> {
  await writeFile(file(), form1)
  await stripMacs((statement) => server.query(statement))
  await server.restart()
}
beforeEach(forget)

interface Heard {
  told: string[]
  said: string[]
  asked: string[]
}

/** Runs the command; `yes` answers each question. */
async function adopt(
  options: Partial<AdoptOptions> & { yes?: () => boolean | Promise<boolean> } = {},
  settings = server.settings,
) {
  const heard: Heard = { told: [], said: [], asked: [] }
  const { yes = () => true, ...others } = options
  const outcome = await adoptIntegrity(settings, {
    tell: (line) => heard.told.push(line),
    say: (line) => heard.said.push(line),
    confirm: async (question) => {
      heard.asked.push(question)
      return yes()
    },
    output: undefined,
    ...others,
  }).catch((error: unknown) => error)
  return { ...heard, outcome }
}

/** The rows that have no right MAC. */
async function faultyRows(): Promise<string[]> {
  return withCommandStore(server.settings, async ({ store }) => {
    const faulty: string[] = []
    await surveyRows(store, adoptedKinds, ({ kind, key, fault }) => {
      faulty.push(`${kind} ${key.join('/')} ${fault}`)
    })
    return faulty
  })
}

test('what steers is shown and signed, and the root key file requires MACs from then on', async () => {
  expect((await faultyRows()).length).toBeGreaterThan(5)
  const before = await stat(file())
  const { told, said, asked, outcome } = await adopt()
  expect(outcome).toBe(true)
  expect(asked).toEqual([
    expect.stringMatching(/^Is all of this as it should be\? Then \d+ rows are signed\.$/),
  ])
  expect(told).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        new RegExp(`^api_keys tenant=${tenantId} key=\\w+ role=tenant-admin .*\\(no MAC\\)$`),
      ),
      expect.stringMatching(/^api_keys tenant=- key=\w+ role=operator name=test /),
      expect.stringContaining(`key_arn=${keyArn}`),
    ]),
  )
  expect(told.join('\n')).not.toMatch(/secret_hash|wrapped/)
  expect(said.join('\n')).toContain('Copy it to the other replicas and to its backup')
  expect(await faultyRows()).toEqual([])

  expect(await readFile(file(), 'utf8')).toBe(form2)
  const after = await stat(file())
  expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid])
  // The replica takes it without a restart.
  await expect.poll(heldNow).toEqual([true])

  const [record] = await server.query(
    "select actor_id, target_id, details from keyhold.audits where chain = '' order by sequence desc limit 1",
  )
  expect(record).toMatchObject({ actor_id: 'command', details: { wrong: '0' } })
  expect(form2).toContain(String(record?.target_id))

  const again = await adopt()
  expect([again.outcome, again.asked]).toEqual([true, []])
  expect(again.said.join('\n')).toMatch(/requires MACs already[^]*All 1 replicas/)
})

test('it can be cut off at any point, and goes on from there', async () => {
  const points = ['confirmed', 'tenant-adopted', 'rows-adopted', 'recorded'] as const
  for (const point of doseOf(points, 12)) {
    await forget()
    const cut = await adopt({
      onStep: (step) => (step === point ? Promise.reject(new Error('cut off')) : Promise.resolve()),
    })
    expect(cut.outcome, point).toMatchObject({ message: 'cut off' })
    expect(await readFile(file(), 'utf8'), point).toBe(form1)
    expect((await adopt()).outcome, point).toBe(true)
    expect([await faultyRows(), await readFile(file(), 'utf8')], point).toEqual([[], form2])
  }
})

test('the root key file is the old one or the new one at any moment, and nothing of a crash is in the way', async () => {
  const moments: [string, string][] = []
  const copies = await mkdtemp(path.join(tmpdir(), 'keyhold-moments-'))
  await adopt({
    onStep: async (step) => {
      const copy = path.join(copies, step)
      await cp(server.dataDir, copy, { recursive: true, filter: (name) => !/postgres|compiled/.test(name) })
      moments.push([step, (await readFile(path.join(copy, 'root-key'), 'utf8')) === form2 ? 'new' : 'old'])
    },
  })
  const steps = ['begun', 'written', 'synced', 'renamed', 'folder-synced']
  expect(moments.filter(([step]) => steps.includes(step))).toEqual([
    ['begun', 'old'],
    ['written', 'old'],
    ['synced', 'old'],
    ['renamed', 'new'],
    ['folder-synced', 'new'],
  ])
  for (const step of doseOf(steps, 9)) {
    // As after a crash at that moment.
    const settings = { ...server.settings, dataDir: path.join(copies, step) }
    expect((await adopt({}, settings)).outcome, step).toBe(true)
    expect(await readFile(path.join(settings.dataDir, 'root-key'), 'utf8'), step).toBe(form2)
    const left = (await readdir(settings.dataDir)).filter((name) => name.startsWith('root-key'))
    expect(left, step).toEqual(['root-key'])
  }
  await rm(copies, { recursive: true })
})

test('an operator who says no changes nothing', async () => {
  const before = await faultyRows()
  expect((await adopt({ yes: () => false })).outcome).toBe(false)
  expect(await faultyRows()).toEqual(before)
  expect(await readFile(file(), 'utf8')).toBe(form1)
  expect(await heldNow()).toEqual([false])
})

slowTest('what changes after it was shown is shown again before it is signed', async () => {
  const evil = `update keyhold.key_providers set role_arn = 'arn:aws:iam::666666666666:role/evil' where kms = 'aws'`
  let questions = 0
  const { outcome, told } = await adopt({
    yes: async () => {
      questions += 1
      if (questions === 1) await server.query(evil)
      return questions === 1
    },
  })
  expect([outcome, questions]).toEqual([false, 2])
  expect(told.at(-1)).toMatch(/^key_providers .*role\/evil.*\(no MAC\)$/)
  expect(await faultyRows()).toEqual([expect.stringMatching(/^keyProvider .* unsigned$/)])
  expect(await readFile(file(), 'utf8')).toBe(form1)
  await server.query("update keyhold.key_providers set role_arn = null where kms = 'aws'")
})

test('a row with a wrong MAC is pointed out', async () => {
  expect((await adopt()).outcome).toBe(true)
  await writeFile(file(), form1)
  await server.restart()
  await server.query(
    "update keyhold.api_keys set name = 'changed \u001b[2J (right MAC)' where role = 'operator'",
  )
  const { outcome, told, asked } = await adopt()
  expect(outcome).toBe(true)
  expect(asked[0]).toContain('1 of them with a wrong MAC now')
  expect(told.filter((line) => line.includes('WRONG MAC'))).toEqual([
    expect.stringMatching(
      /^api_keys .* name="changed \\u001b\[2J \(right MAC\)" created_at=\S+ expires_at=\S+ \(WRONG MAC: .*\)$/,
    ),
  ])
  expect(await faultyRows()).toEqual([])
  await server.query("update keyhold.api_keys set name = 'test' where role = 'operator'")
})

slowTest('a database that contradicts itself is not adopted', async () => {
  await server.query(`insert into keyhold.api_keys (id, secret_hash, role, name)
    values ('planted', decode(repeat('00', 32), 'hex'), 'operator', 'planted')`)
  const { outcome, told, asked } = await adopt()
  await server.query("delete from keyhold.api_keys where id = 'planted'")
  expect(outcome).toMatchObject({ code: 'ERR_ADOPTION_BLOCKED' })
  expect([asked, told]).toEqual([[], [expect.stringMatching(/^CHANGE_NOT_RECORDED .*planted/)]])
  expect(await readFile(file(), 'utf8')).toBe(form1)
})

test('a replica of a version before is in the way, by its connection or by its sign of life', async () => {
  await server.query(
    "insert into keyhold.replicas (id, seen_at) values ('before', now() + interval '1 minute')",
  )
  const alive = await adopt()
  await server.query("delete from keyhold.replicas where id = 'before'")
  expect(alive.outcome).toMatchObject({
    code: 'ERR_ADOPTION_BLOCKED',
    message: expect.stringContaining('replica before of a version before MACs') as string,
  })
  for (const [name, version] of [
    ['keyhold', 'a version before MACs'],
    ['keyhold notifications', 'a version before MACs'],
    ['keyhold/9.9.9 jobs', 'version 9.9.9'],
  ] as const) {
    const client = new PinnedClient(pinnedConfig(server.databaseConnection(), name))
    await client.connect()
    const { outcome, asked } = await adopt()
    await client.end()
    expect(asked).toEqual([])
    expect(outcome).toMatchObject({
      code: 'ERR_ADOPTION_BLOCKED',
      message: expect.stringContaining(`connection "${name}" of ${version}`) as string,
    })
  }
  expect(await readFile(file(), 'utf8')).toBe(form1)
})

slowTest('the new file can be written elsewhere, for who puts it in place by other means', async () => {
  const output = path.join(server.dataDir, 'new-root-key')
  const { outcome, said } = await adopt({ output })
  expect(outcome).toBe(true)
  expect([await readFile(file(), 'utf8'), await readFile(output, 'utf8')]).toEqual([form1, form2])
  expect(((await stat(output)).mode & 0o777).toString(8)).toBe('600')
  expect(said.join('\n')).toMatch(/These replicas do not require MACs yet[^]*, started /)
  // A file that is there is never written over.
  expect((await adopt({ output })).outcome).toMatchObject({ code: 'EEXIST' })
  await rm(output)
})

test('the command asks a person, or takes --yes', async () => {
  const environment = {
    KEYHOLD_DATA_DIR: server.dataDir,
    KEYHOLD_DATABASE_URL: databaseUrl(server.databaseConnection()),
  }
  async function run(args: string[], answer?: string) {
    const out: string[] = []
    const ask = answer === undefined ? {} : { ask: () => Promise.resolve(answer) }
    const exitCode = await runCommand(['integrity', 'adopt', ...args], {
      environment,
      stdout: (text) => out.push(text),
      stderr: (text) => out.push(text),
      onServing: () => expect.fail(),
      ...ask,
    })
    return { exitCode, text: out.join('') }
  }
  expect(await run([])).toMatchObject({
    exitCode: 2,
    text: expect.stringMatching(/api_keys[^]*--yes\. \(ERR_CONFIG_INVALID\)\n$/) as string,
  })
  expect(await run([], 'y')).toMatchObject({
    exitCode: 1,
    text: expect.stringMatching(/MACs are still optional\.\n$/) as string,
  })
  expect(await readFile(file(), 'utf8')).toBe(form1)
  expect(await run([], 'yes\n')).toMatchObject({ exitCode: 0 })
  expect(await readFile(file(), 'utf8')).toBe(form2)
  await forget()
  expect(await run(['--yes'])).toMatchObject({ exitCode: 0 })
  expect(await readFile(file(), 'utf8')).toBe(form2)
})
