// Rows that are not as Keyhold wrote them are listed, and come back in one way alone: an operator looks at one and accepts it.
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { runCommand } from '../../src/run-command.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  // An id may begin like an option.
  tenant = await server.createTenant('-a-tenant')
})
afterAll(() => server.stop())
beforeEach(() => resignDatabase(server.databaseConnection()))

/** Runs `keyhold-server doctor --integrity …`; `onAsk` happens before the operator says yes. */
async function doctor(args: string[] = [], onAsk: () => Promise<unknown> = () => Promise.resolve()) {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const exitCode = await runCommand(['doctor', '--integrity', ...args], {
    environment: {
      KEYHOLD_DATA_DIR: server.dataDir,
      KEYHOLD_DATABASE_URL: databaseUrl(server.databaseConnection()),
    },
    stdout: (text) => stdout.push(text),
    stderr: (text) => stderr.push(text),
    onServing: () => expect.fail(),
    ask: async () => {
      await onAsk()
      return 'yes'
    },
  })
  return { exitCode, stdout: stdout.join(''), stderr: stderr.join('') }
}

// An API key that was refused with its tenant's guard is looked up again after five seconds.
const patience = { timeout: 20_000, interval: 500 }

/** Whether the tenant's data is served. */
async function serves(): Promise<boolean> {
  const items = [{ plaintext: Buffer.from('x').toString('base64'), keyName: `k${Math.random()}` }]
  const { status } = await server.request('POST', '/api/v1/encryption/encrypt', {
    token: tenant.serviceToken,
    body: { items },
  })
  return status === 200
}

const guardOf = async () => {
  const [row] = await server.query('select * from keyhold.tenant_guards where tenant_id = $1', [
    tenant.tenantId,
  ])
  return row
}

test('a row with a wrong MAC is refused, listed with its content, and good again once it is accepted', async () => {
  await server.query(`update keyhold.tenant_guards set key_cache_ttl_seconds = 33 where tenant_id = $1`, [
    tenant.tenantId,
  ])
  const before = await guardOf()
  expect(await serves()).toBe(false)
  const found = await doctor()
  expect(found).toMatchObject({ exitCode: 3, stderr: '' })
  expect(found.stdout).toMatch(
    new RegExp(
      `^ROW_FORGED table=tenant_guards tenant=${tenant.tenantId} id=${tenant.tenantId}: guard: .*key_cache_ttl_seconds=33 .*--accept\\.\\n$`,
    ),
  )

  const accepted = await doctor(['--accept', 'tenant_guards', tenant.tenantId])
  expect(accepted).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('ttl_seconds=33') as string })
  const after = await guardOf()
  expect(after).toMatchObject({ key_cache_ttl_seconds: 33 })
  // Newer than what any replica has seen.
  expect(Number(after?.generation) - Number(before?.generation)).toBe(2 ** 20)
  await expect.poll(serves, patience).toBe(true)
  expect(await doctor()).toMatchObject({ exitCode: 0, stdout: '' })
  const [record] = await server.query(
    'select actor_id, action, target_id, details from keyhold.audits where chain = $1 order by sequence desc limit 1',
    [tenant.tenantId],
  )
  expect(record).toEqual({
    actor_id: 'command',
    action: 'integrity.accept',
    target_id: `tenant_guards/${tenant.tenantId}`,
    details: { kind: 'guard', fault: 'forged' },
  })
})

slowTest('a fence that somebody changed is good again, with its manifest', async () => {
  await server.query('update keyhold.tenants set name = $2 where id = $1', [tenant.tenantId, 'another'])
  expect(await serves()).toBe(false)
  expect((await doctor()).stdout).toMatch(/^ROW_FORGED table=tenants .* name=another /)
  expect((await doctor(['--accept', 'tenants', tenant.tenantId, '--yes'])).exitCode).toBe(0)
  await expect.poll(serves, patience).toBe(true)
  expect(await doctor()).toMatchObject({ exitCode: 0, stdout: '' })
})

slowTest('a row that the manifest covers keeps the fence right', async () => {
  const schedule = `/api/v1/tenants/${tenant.tenantId}/actions/schedule-deletion`
  const scheduled = await server.request('POST', schedule, {
    token: server.operatorToken,
    body: { inDays: 7 },
  })
  expect(scheduled.status).toBe(200)
  const { id } = scheduled.body as { id: string }
  await server.query("update keyhold.destructions set due_at = due_at + interval '1 day' where id = $1", [id])
  const cancel = () =>
    server.request('POST', `/api/v1/tenants/${tenant.tenantId}/actions/cancel-deletion`, {
      token: server.operatorToken,
    })
  expect((await cancel()).status).toBe(503)
  expect((await doctor()).stdout).toMatch(new RegExp(`^ROW_FORGED table=destructions .* id=${id}: `))
  expect((await doctor(['--accept', 'destructions', id])).exitCode).toBe(0)
  expect(await doctor()).toMatchObject({ exitCode: 0, stdout: '' })
  expect((await cancel()).status).toBe(200)
})

test('a row that has changed since it was shown is not signed', async () => {
  const change = (seconds: number) =>
    server.query('update keyhold.tenant_guards set key_cache_ttl_seconds = $2 where tenant_id = $1', [
      tenant.tenantId,
      seconds,
    ])
  await change(44)
  const { exitCode, stderr } = await doctor(['--accept', 'tenant_guards', tenant.tenantId], () => change(55))
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/has changed since it was shown.*\(ERR_ADOPTION_BLOCKED\)\n$/)
  expect((await doctor()).stdout).toMatch(/^ROW_FORGED .*ttl_seconds=55 /)
})

test.each([
  ['a row that is right', () => ['tenant_guards', tenant.tenantId], 2, 'nothing to accept'],
  ['a table without such rows', () => ['cipherkeys', 'x'], 2, 'one of api_keys, audit_heads'],
  ['a key of another form', () => ['key_job_failures', 'x'], 2, '<key_job_id>/<data_key_id>/<version>'],
  ['a row that is not there', () => ['tenant_guards', 'nobody'], 2, 'no such row'],
])('%s cannot be accepted', async (_, args, exitCode, message) => {
  const answer = await doctor(['--accept', ...args()])
  expect(answer).toMatchObject({ exitCode, stdout: '', stderr: expect.stringContaining(message) as string })
})

test('a command line that is not complete is refused', async () => {
  expect(await doctor(['--accept', 'tenants'])).toMatchObject({ exitCode: 2 })
  expect(await doctor(['--accept'])).toMatchObject({ exitCode: 2 })
  expect(await doctor(['--accept', 'tenants', 'a', 'b'])).toMatchObject({ exitCode: 2 })
})

slowTest('before the adoption no row is refused, and none can be accepted', async () => {
  const { form2 } = await putForm1(server.dataDir)
  await server.query('update keyhold.tenant_guards set mac = null where tenant_id = $1', [tenant.tenantId])
  const found = await doctor()
  const accepted = await doctor(['--accept', 'tenant_guards', tenant.tenantId])
  await writeFile(path.join(server.dataDir, 'root-key'), form2)
  expect(found).toMatchObject({ exitCode: 0, stdout: '' })
  expect(found.stderr).toMatch(/^1 rows have no right MAC[^]*integrity adopt/)
  expect(accepted).toMatchObject({ exitCode: 1, stdout: '' })
  expect(accepted.stderr).toContain('ERR_ADOPTION_BLOCKED')
})

test('where the root key is not, the doctor says that it did not look at MACs', async () => {
  const file = path.join(server.dataDir, 'root-key')
  await rename(file, `${file}.away`)
  const found = await doctor()
  await rename(`${file}.away`, file)
  expect(found).toMatchObject({ exitCode: 0, stdout: '' })
  expect(found.stderr).toMatch(/^The MACs of rows were not looked at\. /)
})

slowTest(
  'a row with a value that no row of Keyhold has is listed, and so is an altered state of a key',
  async () => {
    await server.query(
      `insert into keyhold.destructions (id, tenant_id, kind, scheduled_by, due_at)
    values (gen_random_uuid(), $1, 'tenant', 'ak_1', 'infinity')`,
      [tenant.tenantId],
    )
    await server.query(
      `insert into keyhold.key_health (tenant_id, fingerprint, region, state, since, checked_at, mac)
    select tenant_id, fingerprint, 'eu-west-1', 'healthy', now(), now(), mac from keyhold.key_providers where tenant_id = $1`,
      [tenant.tenantId],
    )
    const { exitCode, stdout } = await doctor()
    await server.query('delete from keyhold.destructions')
    await server.query('delete from keyhold.key_health')
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^ROW_UNSIGNED .*destructions/m)
    expect(stdout).toMatch(/^ROW_FORGED .*key_health/m)
  },
)
