// Reports that Keyhold signed, put by a writer of the database where they do not belong, and key jobs that he changed: what is
// not Keyhold's is not shown as such.
import type { KeyJob, KeyJobFailure, KeyJobReport } from '@keyhold/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asAdmin, codeOf, migrate } from '../../../testkit/src/http/key-jobs.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const migrations = '/api/v1/encryption/migrations'

interface Migrated {
  tenant: TestTenant
  id: string
  jws: string
}

async function migrated(): Promise<Migrated> {
  const { tenant, fingerprint } = await prepareTenant(server)
  const { id } = await migrate(server, tenant, fingerprint)
  const { body } = await asAdmin(server, tenant)('GET', `${migrations}/${id}/report`)
  return { tenant, id, jws: (body as KeyJobReport).jws }
}

test("a report that is another key job's, another tenant's, or of another key is not shown", async () => {
  const [own, foreign] = [await migrated(), await migrated()]
  const { id: laterId } = await migrate(server, own.tenant, own.tenant.tenantId)
  const admin = asAdmin(server, own.tenant)
  const later = (await admin('GET', `${migrations}/${laterId}/report`)).body as KeyJobReport
  const [header = '', payload = ''] = own.jws.split('.')
  const changed = Buffer.from(payload, 'base64url').toString().replace('"copied":3', '"copied":9')
  const [, , signature = ''] = own.jws.split('.')
  for (const jws of [
    later.jws,
    foreign.jws,
    `${header}.${Buffer.from(changed).toString('base64url')}.${signature}`,
    `${header}.${payload}.`,
    'no JWS',
  ]) {
    await server.query('update keyhold.key_job_reports set jws = $1 where key_job_id = $2', [jws, own.id])
    const shown = await admin('GET', `${migrations}/${own.id}/report`)
    expect([shown.status, codeOf(shown)]).toEqual([503, 'ERR_RECORD_NOT_AUTHENTIC'])
  }
  await server.query('update keyhold.key_job_reports set jws = $1 where key_job_id = $2', [own.jws, own.id])
  expect(await admin('GET', `${migrations}/${own.id}/report`)).toMatchObject({
    ...{ status: 200, body: { jws: own.jws, report: { id: own.id, cipherkeys: { copied: 3 } } } },
  })
})

test('a key job and a failure that somebody else wrote are listed as tampered, and the others as before', async () => {
  const { tenant, id } = await migrated()
  const { id: laterId } = await migrate(server, tenant, tenant.tenantId)
  await server.query(
    "update keyhold.key_jobs set completed_at = completed_at + interval '1 day' where id = $1",
    [id],
  )
  await server.query(
    `insert into keyhold.key_job_failures (key_job_id, data_key_id, version, code, tenant_key_version, accepted_at, accepted_by)
     values ($1, gen_random_uuid(), 1, 'ERR_KEY_INTEGRITY', 1, now(), 'ak_innocent')`,
    [laterId],
  )
  const admin = asAdmin(server, tenant)
  const { body } = await admin('GET', migrations)
  const shown = (body as { migrations: KeyJob[] }).migrations
  expect(shown.map((job) => [job.id, job.tampered])).toEqual([
    [laterId, undefined],
    [id, true],
  ])
  expect(await admin('GET', `${migrations}/${id}`)).toMatchObject({ status: 503 })
  const failures = (await admin('GET', `${migrations}/${laterId}/failures`)).body as {
    failures: KeyJobFailure[]
  }
  expect(failures.failures).toMatchObject([{ acceptedBy: 'ak_innocent', tampered: true }])
})
