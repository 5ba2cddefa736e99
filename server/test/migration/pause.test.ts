import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { decryptAll, isCompleted, startMigration, waitForMigration } from '../../../testkit/src/http/api.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'

let server: TestServer
const hold = holdAt('migration.dual.after-commit')
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' }, { hold })
})
afterAll(() => server.stop())

test('when the target is lost on the way the migration pauses, says why, and goes on by itself', async () => {
  const { tenant, tokens, arn, fingerprint } = await prepareTenant(server)
  await startMigration(server.url, tenant, fingerprint)
  await waitForMigration(server.url, tenant, ({ phase }) => phase === 'copy')
  await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  hold.release()
  const paused = await waitForMigration(server.url, tenant, ({ lastError }) => lastError !== undefined)
  expect(paused).toMatchObject({
    state: 'InProgress',
    phase: 'copy',
    lastError: { code: 'ERR_KMS_KEY_DISABLED' },
  })

  await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
  const details = await waitForMigration(server.url, tenant, isCompleted)
  expect(details).not.toHaveProperty('lastError')
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
})
