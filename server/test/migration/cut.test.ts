// Connections that are cut between a statement and its COMMIT, or right after it: nobody knows what became of them.
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { decryptAll, startMigration } from '../../../testkit/src/http/api.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'

const points = ['dual.before-commit', 'cutover.before-commit']

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_FAILPOINTS: points.map((point) => `migration.${point}=cut`).join(','),
  })
})
afterAll(() => server.stop())

test('a migration whose connections are cut says so, and goes on by itself', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  await startMigration(server.url, tenant, fingerprint)
  const paused = new Map<unknown, unknown>()
  for (let phase: unknown; phase !== 'done';) {
    const [job] = await server.query('select phase, last_error from keyhold.key_jobs where tenant_id = $1', [
      tenant.tenantId,
    ])
    phase = job?.phase
    await setTimeout(20)
    if (job?.last_error instanceof Object) paused.set(phase, (job.last_error as { code: string }).code)
  }
  expect(Object.fromEntries(paused)).toEqual({
    dual: 'ERR_DATABASE_UNAVAILABLE',
    cutover: 'ERR_DATABASE_UNAVAILABLE',
  })
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
})
