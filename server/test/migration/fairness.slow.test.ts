// A replica leads four key jobs at once. However long these are, a fifth tenant has its turn within seconds.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import {
  decryptAll,
  encryptUnder,
  plaintextOf,
  registerKey,
  startMigration,
} from '../../../testkit/src/http/api.ts'
import { getKeyJob, isIn, waitForKeyJob } from '../../../testkit/src/http/key-jobs.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'

// At this pace the long ones together take more than a minute: none can end while the short one waits its turn.
const rowsPerSecond = '60'
const longNames = Array.from({ length: 1_000 }, (_, index) => `name-${index}`)
const longJobs = 4

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_MIGRATION_ROWS_PER_SECOND: rowsPerSecond })
})
afterAll(() => server.stop())

interface LongJob {
  tenant: TestTenant
  tokens: string[]
  id: string
}

async function startLongJob(): Promise<LongJob> {
  const tenant = await server.createTenant()
  const arn = await server.createCustomerKey([tenant.tenantId])
  const tokens = await encryptUnder(server.url, tenant, longNames)
  const id = await startMigration(server.url, tenant, await registerKey(server.url, tenant, arn))
  return { tenant, tokens, id }
}

test('a small tenant migrates while four large ones are being copied, and these go on', async () => {
  const long = await Promise.all(Array.from({ length: longJobs }, startLongJob))
  for (const { tenant, id } of long) await waitForKeyJob(server, tenant, id, isIn('copy'))
  const small = await prepareTenant(server)
  const id = await startMigration(server.url, small.tenant, small.fingerprint)
  await waitForKeyJob(server, small.tenant, id, isIn('done'))
  expect(await decryptAll(server.url, small.tenant, small.tokens)).toEqual(plaintexts)

  await Promise.all(long.map(expectToGoOn))
}, 60_000)

// Whoever gave way is led again, and counts on from where it was.
async function expectToGoOn({ tenant, tokens, id }: LongJob): Promise<void> {
  const seen = await getKeyJob(server, tenant, id)
  expect(seen).toMatchObject({ phase: 'copy', cipherkeys: { total: longNames.length } })
  await waitForKeyJob(server, tenant, id, ({ cipherkeys: { copied } }) => copied > seen.cipherkeys.copied)
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(longNames.map(plaintextOf))
}
