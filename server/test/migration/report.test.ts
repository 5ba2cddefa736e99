// The signed report: whoever has the public key can check it without Keyhold, and its digest names the same data keys
// before and after.
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { act, asAdmin, isIn, migrate, migrations, waitForKeyJob } from '../../../testkit/src/http/key-jobs.ts'
import { startMigration } from '../../../testkit/src/http/api.ts'
import { digestOf } from './digest-of.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
const hold = holdAt('migration.copy.after-commit', 3)
beforeAll(async () => {
  server = await startTestServer({}, { hold })
})
afterAll(() => server.stop())

interface Report {
  type: string
  outcome: string
  target: { fingerprint: string; tenantKeyVersion: number }
  cipherkeys: { total: number; copied: number; failed: number }
  verification: { cipherkeys: number; digest: string; tenantKeyVersion: number }
  acceptedFailures: unknown[]
}

async function signingKeys(token: string): Promise<JSONWebKeySet> {
  const { status, body } = await server.request('GET', '/api/v1/encryption/signing-keys', { token })
  expect(status).toBe(200)
  return body as JSONWebKeySet
}

async function reportOf(tenant: TestTenant, id: string): Promise<{ jws: string; report: Report }> {
  const { status, body } = await asAdmin(server, tenant)('GET', `${migrations}/${id}/report`)
  expect(status).toBe(200)
  return body as { jws: string; report: Report }
}

test('a report verifies with the published key, says what was done, and its digest stays the same', async () => {
  const { tenant, fingerprint } = await prepareTenant(server)
  const digest = await digestOf(server, tenant)
  const there = await migrate(server, tenant, fingerprint)
  const back = await migrate(server, tenant, tenant.tenantId)
  const keySet = createLocalJWKSet(await signingKeys(tenant.adminToken))
  expect(await signingKeys(server.operatorToken)).toEqual(await signingKeys(tenant.adminToken))
  for (const [job, version] of [
    [there, 2],
    [back, 3],
  ] as const) {
    const { jws, report } = await reportOf(tenant, job.id)
    const { payload, protectedHeader } = await compactVerify(jws, keySet)
    expect(protectedHeader.alg).toBe('EdDSA')
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(report)
    expect(report).toMatchObject({
      type: 'keyhold/migration-report/1',
      id: job.id,
      outcome: 'done',
      tenantId: tenant.tenantId,
      target: { fingerprint: job.target.fingerprint, tenantKeyVersion: version },
      cipherkeys: { total: 3, copied: 3, failed: 0 },
      verification: { cipherkeys: 3, tenantKeyVersion: version, digest },
      acceptedFailures: [],
    })
  }

  const [header = '', payload = '', signature = ''] = (await reportOf(tenant, there.id)).jws.split('.')
  const forged = Buffer.from(payload, 'base64url').toString().replace('"failed":0', '"failed":1')
  const forgery = [header, Buffer.from(forged).toString('base64url'), signature].join('.')
  await expect(compactVerify(forgery, keySet)).rejects.toThrow('signature verification failed')
})

slowTest('a cancelled migration has a report of the way back', async () => {
  const { tenant, fingerprint } = await prepareTenant(server)
  const digest = await digestOf(server, tenant)
  const id = await startMigration(server.url, tenant, fingerprint)
  await waitForKeyJob(server, tenant, id, ({ cipherkeys }) => cipherkeys.copied === 3)
  await act(server, tenant, id, 'cancel')
  hold.release()
  await waitForKeyJob(server, tenant, id, isIn('aborted'))
  const { report } = await reportOf(tenant, id)
  expect(report).toMatchObject({
    outcome: 'aborted',
    verification: { cipherkeys: 3, tenantKeyVersion: 1, digest },
  })
})
