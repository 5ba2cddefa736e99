// A rehearsal tells what a start would be answered now, finds what does not open, and changes nothing.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MigrationPlan } from '@keyhold/contract'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { registerKey } from '../../../testkit/src/http/api.ts'
import {
  asAdmin,
  codeOf,
  getKeyJob,
  isIn,
  migrate,
  providers,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
const hold = holdAt('migration.prepare.before-kms')
beforeAll(async () => {
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
    KEYHOLD_MIGRATION_ROWS_PER_SECOND: '1000',
  }
  server = await startTestServer(settings, { timings: { censusMs: 60_000 }, hold })
})
afterAll(() => server.stop())

async function planOf(tenant: TestTenant, fingerprint: string): Promise<MigrationPlan> {
  const path = `${providers}/${fingerprint}/actions/plan-migration`
  const { status, body } = await asAdmin(server, tenant)('POST', path)
  expect(status).toBe(200)
  return body as MigrationPlan
}

/** Everything of the tenant that a migration could change. */
function rowsOf({ tenantId }: TestTenant) {
  const tables = ['tenant_keys', 'cipherkeys', 'key_jobs', 'key_providers']
  return Promise.all([
    ...tables.map((table) =>
      server.query(`select x.*, x.xmin::text from keyhold.${table} x where tenant_id = $1 order by x::text`, [
        tenantId,
      ]),
    ),
    server.query('select *, xmin::text from keyhold.tenants where id = $1', [tenantId]),
  ])
}

/** A plan says what a start is answered then. */
async function expectSame(
  tenant: TestTenant,
  fingerprint: string,
  code: string | undefined,
): Promise<MigrationPlan> {
  const plan = await planOf(tenant, fingerprint)
  const started = await asAdmin(server, tenant)('POST', `${providers}/${fingerprint}/actions/migrate`)
  expect(plan.wouldStart).toBe(started.status === 200)
  expect(plan.refusals[0]?.code).toBe(codeOf(started))
  expect(codeOf(started)).toBe(code)
  return plan
}

test('a plan counts, tries both ends in each region, estimates, and changes nothing', async () => {
  const { tenant, arn, fingerprint } = await prepareTenant(server)
  const before = await rowsOf(tenant)
  const plan = await planOf(tenant, fingerprint)
  expect(await rowsOf(tenant)).toEqual(before)
  expect(plan).toMatchObject({
    tenantId: tenant.tenantId,
    wouldStart: true,
    refusals: [],
    warnings: [],
    source: { fingerprint: tenant.tenantId, tenantKeyVersion: 1 },
    target: { fingerprint, arn },
    census: { tenantKeys: 1, cipherkeys: 3, checked: 3, unreadable: 0, unreadableCipherkeys: [] },
    probes: [
      { end: 'source', region: '', outcome: 'passed' },
      { end: 'target', region: 'eu-west-1', arn, outcome: 'passed' },
      { end: 'target', region: 'eu-west-3', outcome: 'passed' },
    ],
    estimate: { sampledCipherkeys: 3 },
  })
  expect(plan.estimate.seconds).toBeGreaterThanOrEqual(1)
})

slowTest('what does not open is named, and a replica that fails is told of', async () => {
  const { tenant, arn, fingerprint } = await prepareTenant(server)
  const text = `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
    where tenant_id = $1 and key_name = 'two' returning data_key_id`
  const [damaged] = await server.query(text, [tenant.tenantId])
  const keyId = arn.split('/')[1]
  await server.customerKms('eu-west-3').send(new DisableKeyCommand({ KeyId: keyId }))
  const plan = await planOf(tenant, fingerprint)
  expect(plan).toMatchObject({
    wouldStart: true,
    census: {
      checked: 3,
      unreadable: 1,
      unreadableCipherkeys: [{ dataKeyId: damaged?.data_key_id, version: 1, tenantKeyVersion: 1 }],
    },
    warnings: [{ code: 'ERR_MIGRATION_FAILURES_OPEN' }, { code: 'ERR_KMS_KEY_DISABLED' }],
  })
  expect(plan.probes.map(({ region, outcome }) => [region, outcome])).toEqual([
    ['', 'passed'],
    ['eu-west-1', 'passed'],
    ['eu-west-3', 'failed'],
  ])
})

test('refusals are those of a start: running, current, target or source unusable', async () => {
  const { tenant, arn, fingerprint } = await prepareTenant(server)
  const second = await registerKey(server.url, tenant, await server.createCustomerKey([tenant.tenantId]))
  await expectSame(tenant, tenant.tenantId, 'ERR_MIGRATION_TARGET_CURRENT')
  await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  const disabled = await expectSame(tenant, fingerprint, 'ERR_MIGRATION_NOT_STARTED')
  expect(disabled.probes.filter(({ outcome }) => outcome === 'failed')).toMatchObject([
    { end: 'target', code: 'ERR_MIGRATION_NOT_STARTED' },
  ])
  await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))

  // Its prepare is held.
  await expectSame(tenant, fingerprint, undefined)
  await expectSame(tenant, second, 'ERR_MIGRATION_RUNNING')
  const { body } = await asAdmin(server, tenant)('GET', '/api/v1/encryption/migrations')
  const [live] = (body as { migrations: { id: string }[] }).migrations
  hold.release()
  await waitForKeyJob(server, tenant, live?.id ?? '', isIn('done'))

  await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  const locked = await expectSame(tenant, second, 'ERR_MIGRATION_NOT_PREPARED')
  expect(locked.census).toMatchObject({ cipherkeys: 3, checked: 0 })
  expect(locked.probes[0]).toMatchObject({ end: 'source', outcome: 'failed' })
  await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
})

slowTest('the estimate keeps to the budget, and a migration of many keys to the estimate', async () => {
  const { tenant, fingerprint } = await prepareTenant(server)
  const items = Array.from({ length: 1_000 }, (_, index) => ({ keyName: `k${index}`, plaintext: 'aGk=' }))
  for (const chunk of [0, 1, 2]) {
    const named = items.map((item) => ({ ...item, keyName: `${item.keyName}-${chunk}` }))
    await server.request('POST', '/api/v1/encryption/encrypt', {
      token: tenant.serviceToken,
      body: { items: named },
    })
  }
  const plan = await planOf(tenant, fingerprint)
  expect(plan.census).toMatchObject({ cipherkeys: 3_003, checked: 3_003 })
  expect(plan.estimate.keysPerSecond).toBeLessThanOrEqual(1_000)
  // Copying and verifying, each at a thousand a second.
  expect(plan.estimate.seconds).toBeGreaterThanOrEqual(7)
  const { id } = await migrate(server, tenant, fingerprint)
  const { initiatedAt, completedAt = '' } = await getKeyJob(server, tenant, id)
  const seconds = (Date.parse(completedAt) - Date.parse(initiatedAt)) / 1_000
  expect(seconds).toBeGreaterThan((plan.estimate.seconds ?? 0) / 3)
  expect(seconds).toBeLessThan((plan.estimate.seconds ?? 0) * 3)
})

test('an unknown key provider is not found', async () => {
  const tenant = await server.createTenant()
  const answer = await asAdmin(server, tenant)(
    'POST',
    `${providers}/${'0'.repeat(32)}/actions/plan-migration`,
  )
  expect([answer.status, codeOf(answer)]).toEqual([404, 'ERR_KEY_PROVIDER_NOT_FOUND'])
})
