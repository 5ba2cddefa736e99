// Clients of the original rely on these details of migrations; and the setting that renames the default provider.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { rawRequest } from './raw-request.ts'
import { textAt } from './read-body.ts'
import { waitForMigration } from '../../../testkit/src/tenants/wait-for-migration.ts'
import { details, migrateTo, providers, registerKey, reset } from './scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_INTERNAL_KMS_NAME: 'Keyhold' })
})
afterAll(() => server.stop())

const toTheMillisecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
// 24 and 60 bytes in base64, as the original's wrapped keys have.
const internalHandle = /^v1:[A-Za-z0-9+/]{32}:[A-Za-z0-9+/]{80}$/

describe('a migration to a key of the customer', () => {
  it('is shown with both spellings of each member and its id twice', async () => {
    const tenant = await server.createTenant()
    const { arn, fingerprint } = await registerKey(server, tenant)
    const { adminToken: token } = tenant

    const { body } = await server.request('POST', `${providers}/${fingerprint}/actions/migrate`, { token })

    const id = textAt(body, 'id')
    expect(id).toMatch(uuid)
    expect(body).toEqual({
      id,
      migrationId: id,
      tenantId: tenant.tenantId,
      migratingFrom: expect.stringMatching(internalHandle) as string,
      migratingTo: arn,
      migratingToFingerPrint: fingerprint,
      migratingToFingerprint: fingerprint,
      migratingToPrefix: `#BYOKv1#:${fingerprint}`,
      state: 'New',
      progress: 0,
      initiatedAt: expect.stringMatching(toTheMillisecond) as string,
      completedAt: '0001-01-01T00:00:00Z',
      phase: 'prepare',
      cipherkeys: { total: 0, copied: 0, failed: 0 },
    })
    await waitForMigration(server.url, tenant)
    const ended = (await server.request('GET', `${details}?limit=50`, { token })).body
    expect(ended).toEqual({
      ...Object(body),
      state: 'Completed',
      progress: 100,
      phase: 'done',
      completedAt: expect.stringMatching(toTheMillisecond) as string,
    })
  })

  it('names its source by a handle that is no stored wrap', async () => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)
    const { tenantId, adminToken: token } = tenant

    const { body } = await server.request('POST', `${providers}/${fingerprint}/actions/migrate`, { token })

    const [, nonce = '', sealed = ''] = textAt(body, 'migratingFrom').split(':')
    const rows = await server.query('select wrapped from keyhold.tenant_keys where tenant_id = $1', [
      tenantId,
    ])
    expect(rows.length).toBeGreaterThan(0)
    for (const { wrapped } of rows as { wrapped: Buffer }[]) {
      expect(wrapped.includes(Buffer.from(nonce, 'base64'))).toBe(false)
      expect(wrapped.includes(Buffer.from(sealed, 'base64').subarray(0, 16))).toBe(false)
    }
  })
})

slowTest('starts once when asked for many times at once', async () => {
  const tenant = await server.createTenant()
  const { fingerprint } = await registerKey(server, tenant)
  const start = () =>
    server.request('POST', `${providers}/${fingerprint}/actions/migrate`, { token: tenant.adminToken })

  const answers = await Promise.all(Array.from({ length: 5 }, start))

  const started = answers.filter(({ status }) => status === 200)
  expect(started).toHaveLength(1)
  // Whoever comes after its end finds the provider current.
  for (const { status } of answers) expect([200, 428, 412]).toContain(status)
  await waitForMigration(server.url, tenant)
  const jobs = await server.query('select id from keyhold.key_jobs where tenant_id = $1', [tenant.tenantId])
  expect(jobs).toEqual([{ id: textAt(started[0]?.body, 'id') }])
})

describe('going back to the default provider', () => {
  it('answers 205 with a body, and 200 with a message once it is there', async () => {
    const tenant = await server.createTenant()
    const { arn, fingerprint } = await registerKey(server, tenant)
    const { tenantId, adminToken: token } = tenant
    await migrateTo(server, tenant, fingerprint)

    const { status, body } = await rawRequest(server.url, 'POST', reset, { token })

    expect(status).toBe(205)
    expect(body).toMatchObject({
      state: 'New',
      migratingFrom: arn,
      migratingTo: '#QLIK_MANAGED_KEY_PROVIDER#',
      migratingToFingerPrint: tenantId,
      migratingToFingerprint: tenantId,
      migratingToPrefix: 'v1',
    })
    await waitForMigration(server.url, tenant)
    const again = await rawRequest(server.url, 'POST', reset, { token })
    expect(again.status).toBe(200)
    expect(again.text).toBe('{"message":"Tenant is already using Qlik KMS, no migration is required."}')
  })

  slowTest("is also a migration to the provider whose fingerprint is the tenant's id", async () => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)
    const { tenantId, adminToken: token } = tenant
    await migrateTo(server, tenant, fingerprint)

    await migrateTo(server, tenant, tenantId)

    const { body } = await server.request('GET', `${providers}/${tenantId}`, { token })
    expect(body).toMatchObject({ current: true, keyprovider: 'Qlik' })
  })
})

it('gives the default provider the name of the setting', async () => {
  const { tenantId, adminToken: token } = await server.createTenant()

  const { body } = await server.request('GET', `${providers}/${tenantId}`, { token })

  expect(textAt(body, 'name')).toBe('Keyhold')
})
