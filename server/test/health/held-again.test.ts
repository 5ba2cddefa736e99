// A key that is disabled while AWS KMS still decrypts under it. What a request takes into memory while the refusal is being
// written is ended once it is written.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { errorCode } from '../http/read-body.ts'
import { createKey, encryptText, migrateTo, registerKey } from '../http/scene.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'

const waits = { timeout: 15_000, interval: 50 }

let server: TestServer
beforeAll(async () => {
  // A held key lasts for the whole test, and no second probe comes in time.
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600', KEYHOLD_KEY_PROBE_SECONDS: '600' })
})
afterAll(() => server.stop())

test('a key that a request took into memory while its refusal was being written is not held', async () => {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant, await createKey(server))
  await migrateTo(server, tenant, fingerprint)
  const text = await encryptText(server, tenant, 'held')
  const outcome = async () => {
    const body = { items: [{ token: text }] }
    const answer = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: tenant.serviceToken,
      body,
    })
    return answer.status === 200 ? 'open' : errorCode(answer.body)
  }
  expect(await outcome()).toBe('open')
  server.kms.propagation.delayMs = 3_600_000
  await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  server.kms.propagation.delayMs = 0

  const holder = new pg.Client(server.databaseConnection())
  await holder.connect()
  onTestFinished(() => holder.end())
  await holder.query('begin')
  await holder.query('lock table keyhold.key_health in share mode')
  await server.query('update keyhold.key_probes set due_at = now(), urgency = 0 where tenant_id = $1', [
    tenant.tenantId,
  ])
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await expect.poll(async () => (await server.query(waiting)).length, waits).toBeGreaterThan(0)
  // The refusal cannot be read yet, and AWS KMS decrypts.
  expect(await outcome()).toBe('open')
  await holder.end()

  await expect.poll(outcome, waits).toBe('ERR_KMS_KEY_DISABLED')
})
