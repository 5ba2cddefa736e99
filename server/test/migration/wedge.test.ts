// A KEK that died under rows which somebody accepted long ago holds nobody up: not a migration, a rotation, a
// cancellation, a rehearsal, a drill, nor the deletion of the tenant.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import type { Destruction, DrDrill, KeyHealth, KeyJob, MigrationPlan } from '@keyhold/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  decryptAll,
  encryptUnder,
  plaintextOf,
  registerKey,
  startMigration,
} from '../../../testkit/src/http/api.ts'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  act,
  asAdmin,
  codeOf,
  isIn,
  isPaused,
  migrate,
  providers,
  tenantKeys,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import {
  plaintexts,
  prepareTenant,
  type PreparedTenant,
} from '../../../testkit/src/tenants/prepared-tenant.ts'
import { acceptAll, damage } from '../../../testkit/src/tenants/set-aside.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'

const dead = 'ERR_KMS_KEY_DISABLED'
// In the fourth key job, which is cancelled: what was there is copied, and the engine stands still.
const hold = holdAt('migration.copy.after-commit', 4)

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' }, { hold })
})
afterAll(() => server.stop())

const disable = (arn: string) => server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))

async function registerAnother({ tenant }: PreparedTenant): Promise<{ arn: string; fingerprint: string }> {
  const arn = await server.createCustomerKey([tenant.tenantId])
  return { arn, fingerprint: await registerKey(server.url, tenant, arn) }
}

/** Accepts what the key job has set aside, and answers the codes. */
const acceptedCodes = async ({ tenant }: PreparedTenant, id: string): Promise<string[]> =>
  (await acceptAll(server, tenant, id)).map(({ code }) => code)

test('a migration completes, a cancellation ends, and the tenant is deleted', async () => {
  const scene = await prepareTenant(server)
  const { tenant, tokens } = scene
  const admin = asAdmin(server, tenant)
  const post = async <Body>(path: string, body?: object) => {
    const answer = await admin('POST', path, body)
    expect([answer.status, codeOf(answer)]).toEqual([200, undefined])
    return answer.body as Body
  }
  const [second, third] = [await registerAnother(scene), await registerAnother(scene)]
  const [one, , three] = plaintexts

  // A row is accepted as unreadable, and its KEK dies afterwards.
  await migrate(server, tenant, scene.fingerprint)
  await damage(server, tenant, 'two')
  const first = await startMigration(server.url, tenant, second.fingerprint)
  await waitForKeyJob(server, tenant, first, isPaused)
  expect(await acceptedCodes(scene, first)).toEqual(['ERR_KEY_INTEGRITY'])
  await waitForKeyJob(server, tenant, first, isIn('done'))
  await disable(scene.arn)

  // Requests that need it are refused as before. Everything else works, and the name can be given a new version.
  expect(await decryptAll(server.url, tenant, [tokens[0] ?? '', tokens[2] ?? ''])).toEqual([one, three])
  const refused = await server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: [{ token: tokens[1] }] },
  })
  expect([refused.status, codeOf(refused)]).toEqual([424, dead])
  await post('/api/v1/encryption/data-keys/two/actions/rotate')
  const anew = await encryptUnder(server.url, tenant, ['two'])

  // A rehearsal, a drill and the health of the key name what is dead, and are not stopped by it.
  const plan = await post<MigrationPlan>(`${providers}/${third.fingerprint}/actions/plan-migration`)
  expect(plan).toMatchObject({
    ...{ wouldStart: true, warnings: [] },
    census: {
      ...{ cipherkeys: 4, checked: 4, unreadable: 1, accepted: 1 },
      unreadableCipherkeys: [{ tenantKeyVersion: 2, code: dead }],
      refusedTenantKeys: [{ tenantKeyVersion: 2, fingerprint: scene.fingerprint, code: dead }],
    },
  })
  const { report } = await post<DrDrill>('/api/v1/encryption/dr-drill/actions/run', {})
  expect(report).toMatchObject({ passed: true, drCompliant: true })
  const needed = ({ keyArn }: { keyArn: string }) => keyArn === second.arn
  expect(report.keys.map((key) => [needed(key), key.needed])).toEqual(
    report.keys.map((key) => [needed(key), needed(key)]),
  )
  const health = async (fingerprint: string) =>
    (await admin('GET', `${providers}/${fingerprint}/health`)).body as KeyHealth
  expect(await health(scene.fingerprint)).toMatchObject({ state: 'disabled', needed: false })
  expect(await health(second.fingerprint)).toMatchObject({ state: 'healthy', needed: true })

  // Nobody is asked again for what was accepted.
  const rotation = await post<KeyJob>('/api/v1/encryption/tenant-key/actions/rotate')
  const rotated = await waitForKeyJob(server, tenant, rotation.id, isIn('done'))
  expect(rotated.cipherkeys).toMatchObject({ total: 4, copied: 3, failed: 1, accepted: 1 })
  expect((await tenantKeys(server, tenant)).map(({ state }) => state)).toEqual([
    'destroyed',
    'decrypt-only',
    'destroyed',
    'active',
  ])

  expect(await decryptAll(server.url, tenant, anew)).toEqual([plaintextOf('two')])

  // The target of the next migration dies on the way, with rows under it.
  const next = await startMigration(server.url, tenant, third.fingerprint)
  await hold.reached
  await disable(third.arn)
  expect((await act(server, tenant, next, 'cancel')).status).toBe(200)
  hold.release()
  const waiting = await waitForKeyJob(server, tenant, next, isPaused)
  expect(waiting).toMatchObject({
    ...{ phase: 'aborting', cipherkeys: { failed: 4, accepted: 1 } },
    lastError: { code: 'ERR_MIGRATION_FAILURES_OPEN' },
  })
  expect(await acceptedCodes(scene, next)).toEqual([dead, dead, dead, dead])
  await waitForKeyJob(server, tenant, next, isIn('aborted'))
  expect(await decryptAll(server.url, tenant, await encryptUnder(server.url, tenant, ['four']))).toEqual([
    plaintextOf('four'),
  ])

  // And then the last KEK dies too, in the middle of a key job that waits: the tenant can still be deleted.
  await damage(server, tenant, 'four')
  const last = await startMigration(server.url, tenant, tenant.tenantId)
  await waitForKeyJob(server, tenant, last, isPaused)
  await disable(second.arn)
  const path = `/api/v1/tenants/${tenant.tenantId}`
  const deletion = await server.request('POST', `${path}/actions/schedule-deletion`, {
    ...{ token: server.operatorToken, body: { inDays: 7 } },
  })
  await makeDue(server, (deletion.body as Destruction).id)
  await server.sweep()
  const gone = await server.request('GET', path, { token: server.operatorToken })
  expect([gone.status, codeOf(gone)]).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
})
