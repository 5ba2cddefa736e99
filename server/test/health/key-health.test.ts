// The health of a key over HTTP, fed by real traffic and real probes.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, textAt } from '../http/read-body.ts'
import { createKey, migrateTo, policyWithout, providers, registerKey, setPolicy } from '../http/scene.ts'
import { decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

// Keys are held for long, so that what is seen in time is seen by probes.
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '600', KEYHOLD_KEY_PROBE_SECONDS: '1' })
})
afterAll(() => server.stop())

async function tenantWithKey(keyArn?: string) {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant, keyArn)
  await migrateTo(server, tenant, fingerprint)
  const tokens = await encryptUnder(server.url, tenant, ['one'])
  return { tenant, arn, fingerprint, tokens }
}

async function healthOf({ adminToken: token }: TestTenant, fingerprint: string): Promise<unknown> {
  return (await server.request('GET', `${providers}/${fingerprint}/health`, { token })).body
}

const outcome = (tenant: TestTenant, tokens: string[]) =>
  decryptAll(server.url, tenant, tokens).then(
    () => 'open',
    (error: unknown) => /ERR_\w+/.exec(String(error))?.[0] ?? String(error),
  )

test('a probe that is denied locks, though the key is held for long; and the way back is found by itself', async () => {
  const { tenant, arn, fingerprint, tokens } = await tenantWithKey()
  const neighbour = await tenantWithKey()
  expect(await healthOf(tenant, fingerprint)).toMatchObject({ state: 'healthy', advice: '' })

  await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  await expect.poll(() => outcome(tenant, tokens), { timeout: 15_000 }).toBe('ERR_KMS_KEY_DISABLED')
  expect(await healthOf(tenant, fingerprint)).toMatchObject({
    state: 'disabled',
    regions: [{ state: 'disabled' }],
  })
  const listed = await server.request('GET', providers, { token: tenant.adminToken })
  expect(textAt(listed.body, 0, 'health', 'state')).toBe('disabled')
  expect(await outcome(neighbour.tenant, neighbour.tokens)).toBe('open')

  await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
  // A refusal is remembered for a second.
  await expect
    .poll(() => decryptAll(server.url, tenant, tokens).catch(String), { timeout: 5_000 })
    .toEqual([plaintextOf('one')])
  await expect
    .poll(async () => at(await healthOf(tenant, fingerprint), 'state'), { timeout: 20_000 })
    .toBe('healthy')
})

test('an outage that a probe sees ends nothing that is held', async () => {
  const { tenant, arn, fingerprint, tokens } = await tenantWithKey()
  const remove = server.kms.faults.add({ kind: 'throttle', match: { keyId: arn.split('/')[1] } })
  await expect
    .poll(async () => at(await healthOf(tenant, fingerprint), 'state'), { timeout: 30_000 })
    .toBe('throttled')
  expect(await outcome(tenant, tokens)).toBe('open')
  remove()
})

slowTest(
  'the first denied request finds the reason written down, and a flood of denials is one write',
  async () => {
    const tenant = await server.createTenant()
    const { arn, fingerprint } = await registerKey(server, tenant, await createKey(server))
    await migrateTo(server, tenant, fingerprint)
    const tokens = await encryptUnder(server.url, tenant, ['one'])
    // Nobody probes this key: what is known comes from traffic alone.
    await server.query(
      `update keyhold.key_probes set due_at = now() + interval '1 hour' where tenant_id = $1`,
      [tenant.tenantId],
    )
    await server.query(
      `create function keyhold.keep() returns trigger language plpgsql as $$ begin return null; end $$`,
    )
    await server.query(
      `create trigger keep before update on keyhold.key_probes for each row
      when (old.tenant_id = '${tenant.tenantId}') execute function keyhold.keep()`,
    )
    await setPolicy(server.customerKms(), arn, policyWithout())
    await server.restart()

    expect(await outcome(tenant, tokens)).toBe('ERR_KMS_DENIED')
    const [row] = await server.query(
      `select state, xmin::text from keyhold.key_health where tenant_id = $1 and state <> 'healthy'`,
      [tenant.tenantId],
    )
    expect(row).toMatchObject({ state: 'denied' })
    await Promise.all(Array.from({ length: 50 }, () => outcome(tenant, tokens)))
    const [after] = await server.query(
      `select state, xmin::text from keyhold.key_health where tenant_id = $1 and state <> 'healthy'`,
      [tenant.tenantId],
    )
    expect(after).toEqual(row)
  },
)
