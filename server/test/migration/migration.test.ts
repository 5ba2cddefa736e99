import { DisableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import {
  call,
  decryptAll,
  encryptUnder,
  isCompleted,
  migrationDetails,
  plaintextOf,
  registerKey,
  startMigration,
  waitForMigration,
} from '../../../testkit/src/http/api.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const providers = '/api/v1/encryption/keyproviders'

// No caching of keys: what the KMS refuses is seen at once.
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0', KEYHOLD_KEY_JOB_LEAD_SECONDS: '2' })
})
afterAll(() => server.stop())

async function migrate(tenant: TestTenant, fingerprint: string): Promise<void> {
  await startMigration(server.url, tenant, fingerprint)
  await waitForMigration(server.url, tenant, isCompleted)
}

function remove(tenant: TestTenant, fingerprint: string) {
  return call(server.url, tenant.adminToken, 'DELETE', `${providers}/${fingerprint}`)
}

test('a value stays readable there, back, and after a restart; then the old provider deletes', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  await migrate(tenant, fingerprint)
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  expect(await remove(tenant, fingerprint)).toMatchObject({ status: 424 })

  await migrate(tenant, tenant.tenantId)
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  await server.restart()
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  expect(await remove(tenant, fingerprint)).toMatchObject({ status: 200 })
})

slowTest(
  'once completed, a migration from one customer key to another needs the first key no more',
  async () => {
    const { tenant, tokens, arn, fingerprint } = await prepareTenant(server)
    const secondArn = await server.createCustomerKey([tenant.tenantId])
    const second = await registerKey(server.url, tenant, secondArn)
    await migrate(tenant, fingerprint)
    await startMigration(server.url, tenant, second)
    // "Completed" means that a deletion right after it succeeds.
    await waitForMigration(server.url, tenant, isCompleted)
    expect(await remove(tenant, fingerprint)).toMatchObject({ status: 200 })
    await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
    await server.restart()
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
    expect(await encryptUnder(server.url, tenant, ['four'])).toHaveLength(1)
  },
)

test('requests go on through migrations to and fro, and no value is ever unreadable', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  const traffic = { isOver: false }
  let madeCount = 0
  const made: string[] = []
  const requests = (async () => {
    while (!traffic.isOver) {
      made.push(...(await encryptUnder(server.url, tenant, [`during-${madeCount++}`])))
      expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
    }
  })()
  for (const target of [fingerprint, tenant.tenantId, fingerprint, tenant.tenantId])
    await migrate(tenant, target)
  traffic.isOver = true
  await requests
  expect(madeCount).toBeGreaterThan(0)
  const expected = made.map((_, index) => plaintextOf(`during-${index}`))
  expect(await decryptAll(server.url, tenant, made)).toEqual(expected)
})

slowTest('of many requests to migrate at once exactly one begins', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  const path = `${providers}/${fingerprint}/actions/migrate`
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => call(server.url, tenant.adminToken, 'POST', path)),
  )
  const statuses = answers.map(({ status }) => status).sort()
  // One that looks only after the winner has completed finds itself there already.
  expect(statuses.filter((status) => status === 200)).toHaveLength(1)
  expect(statuses.every((status) => [200, 412, 428].includes(status))).toBe(true)
  await waitForMigration(server.url, tenant, isCompleted)
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
})

test('details are not found before the first migration', async () => {
  const tenant = await server.createTenant()
  await expect(migrationDetails(server.url, tenant)).rejects.toMatchObject({
    code: 'ERR_MIGRATION_NOT_FOUND',
  })
})
