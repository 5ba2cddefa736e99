// A server that stops in the middle of a verification: whoever leads next goes on there, and misses nothing.
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
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
import { digestOf } from './digest-of.ts'
import {
  act,
  asAdmin,
  getKeyJob,
  isIn,
  isPaused,
  migrations,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'

// At this pace a chunk holds 20 cipherkeys; the verification stands before its tenth of 15 chunks.
const names = Array.from({ length: 300 }, (_, index) => `name-${index}`)
const settings = { KEYHOLD_MIGRATION_ROWS_PER_SECOND: '100' }
const hold = holdAt('migration.verify.before-chunk', 10)
/** About as many as a verification that begins anew says first, after a second: mostly more are seen. */
const verifiedBefore = 100

let server: TestServer
beforeAll(async () => {
  server = await startTestServer(settings, { hold })
})
afterAll(() => server.stop())

/** Turns one bit of the first or the last cipherkey; done twice it is the repair. */
async function damage({ tenantId }: TestTenant, order: 'asc' | 'desc'): Promise<string> {
  const [row] = await server.query(
    `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
     where tenant_id = $1 and data_key_id =
       (select data_key_id from keyhold.cipherkeys where tenant_id = $1 order by data_key_id ${order} limit 1)
     returning data_key_id`,
    [tenantId],
  )
  return row?.data_key_id as string
}

test('it goes on where it was, names at its end all that does not open, and its report is whole', async () => {
  const tenant = await server.createTenant()
  const arn = await server.createCustomerKey([tenant.tenantId])
  const tokens = await encryptUnder(server.url, tenant, names)
  const id = await startMigration(server.url, tenant, await registerKey(server.url, tenant, arn))
  await waitForKeyJob(server, tenant, id, ({ cipherkeys: { copied } }) => copied >= 50)
  const first = await damage(tenant, 'asc')
  const before = await waitForKeyJob(
    server,
    tenant,
    id,
    ({ phase, cipherkeys: { verified } }) => phase === 'verify' && verified >= verifiedBefore,
  )
  const last = await damage(tenant, 'desc')
  const restarted = server.restart()
  hold.release()
  await restarted

  const seen: number[] = []
  for (;;) {
    const job = await getKeyJob(server, tenant, id)
    seen.push(job.cipherkeys.verified)
    if (isPaused(job)) break
    await setTimeout(20)
  }
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(before.cipherkeys.verified)
  const { body } = await asAdmin(server, tenant)('GET', `${migrations}/${id}/failures`)
  expect(body).toMatchObject({ failures: [{ dataKeyId: first }, { dataKeyId: last }] })

  const [job] = await server.query('select verified_to from keyhold.key_jobs where id = $1', [id])
  expect(job).toEqual({ verified_to: null })

  await damage(tenant, 'asc')
  await damage(tenant, 'desc')
  await act(server, tenant, id, 'retry')
  await waitForKeyJob(server, tenant, id, isIn('done'))
  const report = await asAdmin(server, tenant)('GET', `${migrations}/${id}/report`)
  expect(report.body).toMatchObject({
    report: { verification: { cipherkeys: names.length, digest: await digestOf(server, tenant) } },
  })
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(names.map(plaintextOf))
})
