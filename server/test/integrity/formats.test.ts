// Tenants with keys from before format 2 are told of, and rotated by one command, which the running replica does for it.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import { asAdmin } from '../../../testkit/src/http/key-jobs.ts'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { runCommand } from '../../src/run-command.ts'
import { createTenantWithOwnKey } from '../http/scene.ts'

let server: TestServer
const tenants: TestTenant[] = []
const tokens: string[][] = []
beforeAll(async () => {
  server = await startTestServer({}, { timings: { heartbeatMs: 20 } })
})
afterAll(() => server.stop())

async function run(...args: string[]) {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const exitCode = await runCommand(args, {
    environment: {
      KEYHOLD_DATA_DIR: server.dataDir,
      KEYHOLD_DATABASE_URL: databaseUrl(server.databaseConnection()),
    },
    stdout: (text) => stdout.push(text),
    stderr: (text) => stderr.push(text),
    onServing: () => expect.fail(),
  })
  return { exitCode, stdout: stdout.join(''), stderr: stderr.join('') }
}

const ofFormat1 = async () => (await run('doctor', '--integrity')).stderr.match(/^tenant=.*$/gm) ?? []

test('the doctor counts what is under format 1, a command rotates it, and tells of a tenant whose KMS refuses', async () => {
  const refused = await createTenantWithOwnKey(server)
  const { arn: KeyId } = refused
  tenants.push(await server.createTenant('plain'), await server.createTenant('locked'), refused)
  expect(await ofFormat1()).toEqual([])
  await changeSigned(server.databaseConnection(), 'update keyhold.tenant_keys set format = null')
  for (const tenant of tenants) tokens.push(await encryptUnder(server.url, tenant, ['one', 'two']))
  const [plain, locked] = tenants
  if (plain === undefined || locked === undefined) return expect.fail()
  await asAdmin(server, locked)('POST', '/api/v1/encryption/actions/lock')
  const customer = server.customerKms()
  await customer.send(new DisableKeyCommand({ KeyId }))

  const found = await ofFormat1()
  expect(found).toHaveLength(3)
  for (const [id, version] of [
    ['plain', 1],
    ['locked', 1],
    [refused.tenantId, 2],
  ])
    expect(found).toContain(
      `tenant=${id} tenant key version=${version}: 2 cipherkeys under format 1, and new ones come under it.`,
    )
  const { exitCode, stdout, stderr } = await run('integrity', 'rotate', '--at-once', '3')
  expect(exitCode).toBe(1)
  expect(stdout.split('\n')).toHaveLength(3 + 1)
  expect(stdout).toContain('plain: rotated\n')
  expect(stdout).toContain('locked: left as it is: it is locked\n')
  expect(stdout).toMatch(new RegExp(`^${refused.tenantId}: left as it is: .*ERR_KMS_KEY_DISABLED`, 'm'))
  expect(stderr).toContain('1 tenants were rotated, and 2 are left')
  expect(await ofFormat1()).toHaveLength(2)
  expect(await decryptAll(server.url, plain, tokens[0] ?? [])).toEqual(['one', 'two'].map(plaintextOf))

  // Nothing waits for ever: the next call begins anew.
  await customer.send(new EnableKeyCommand({ KeyId }))
  await asAdmin(server, locked)('POST', '/api/v1/encryption/actions/unlock')
  expect(await run('integrity', 'rotate')).toMatchObject({ exitCode: 0 })
  expect(await ofFormat1()).toEqual([])

  // As where it wrapped what did not open.
  await changeSigned(
    server.databaseConnection(),
    `update keyhold.tenant_keys set state = 'decrypt-only', destroyed_at = null, destroy_after = null, wrapped = key_check_value
       where tenant_id = 'plain' and version = 1`,
  )
  expect(await ofFormat1()).toEqual([
    'tenant=plain tenant key version=1: 0 cipherkeys under format 1, and it has no end yet.',
  ])
  expect((await run('integrity', 'rotate')).stderr).toContain('0 tenants were rotated, and 0 are left')
}, 90_000)

test('before the adoption it rotates nothing, since new versions would have format 1 as well', async () => {
  const { form2 } = await putForm1(server.dataDir)
  try {
    const { exitCode, stderr } = await run('integrity', 'rotate')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/run "keyhold-server integrity adopt" first.*ERR_ADOPTION_BLOCKED/)
  } finally {
    await writeFile(path.join(server.dataDir, 'root-key'), form2, { mode: 0o600 })
  }
})

test.each(['0', '101', '1.5', 'all'])('%s tenants at once are none that it takes', async (count) => {
  expect(await run('integrity', 'rotate', '--at-once', count)).toMatchObject({ exitCode: 2 })
})
