// Changes that only probes see: nobody asks for anything, and yet they are known, told, and acted on; and nothing else is.
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  PutKeyPolicyCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, errorCode, textAt } from '../http/read-body.ts'
import {
  createKey,
  createTenantWithOwnKey,
  encryptText,
  migrateTo,
  policyWithout,
  providers,
  registerKey,
} from '../http/scene.ts'
import {
  customerKeyPolicy,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  // Held keys last for the whole test, so that traffic asks the KMS nothing.
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600', KEYHOLD_KEY_PROBE_SECONDS: '1' })
})
afterAll(() => server.stop())

const send = (tenant: TestTenant, method: string, path: string, body?: unknown) =>
  server.request(method, path, { token: tenant.adminToken, ...(body !== undefined && { body }) })
async function outcome({ serviceToken: token }: TestTenant, text: string): Promise<string> {
  const body = { items: [{ token: text }] }
  const answer = await server.request('POST', '/api/v1/encryption/decrypt', { token, body })
  return answer.status === 200 ? 'open' : errorCode(answer.body)
}
const timeout = 15_000

test('a moved alias is told with the way to follow it, never followed, and the way leads there', async () => {
  const tenant = await server.createTenant()
  const [pinned, other] = [await createKey(server), await createKey(server)]
  const name = 'alias/probed'
  const client = server.customerKms()
  await client.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: pinned }))
  const aliasArn = pinned.replace(/key\/.*$/, name)
  const created = await send(tenant, 'POST', providers, { name: 'by alias', arn: aliasArn })
  const fingerprint = textAt(created.body, 'arnFingerPrint')
  await migrateTo(server, tenant, fingerprint)
  const text = await encryptText(server, tenant, 'stays')
  const health = async () => (await send(tenant, 'GET', `${providers}/${fingerprint}/health`)).body

  await client.send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: other }))
  await expect.poll(async () => at(await health(), 'alias', 'state'), { timeout }).toBe('moved')
  const told = await health()
  // The key itself is as well as before: only the alias has gone elsewhere.
  expect(told).toMatchObject({ state: 'healthy', alias: { arn: aliasArn, movedTo: other } })
  expect(textAt(told, 'advice')).toContain(`register ${other} and migrate`)
  const provider = await send(tenant, 'GET', `${providers}/${fingerprint}`)
  expect(provider.body).toMatchObject({ arn: pinned, alias: at(told, 'alias') as object })
  expect(await outcome(tenant, text)).toBe('open')
  const otherId = other.split('/')[1]
  for (const operation of ['Decrypt', 'GenerateDataKey'])
    expect(server.kms.countCalls({ keyId: otherId, operation })).toBe(0)

  await client.send(new DeleteAliasCommand({ AliasName: name }))
  await expect.poll(async () => at(await health(), 'alias', 'state'), { timeout }).toBe('unresolved')
  expect(await health()).toMatchObject({ state: 'healthy' })
  expect(at(await health(), 'alias')).not.toHaveProperty('offer')
  expect(textAt(await health(), 'advice')).toContain('The registered key stays in use')

  await client.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: other }))
  await expect.poll(async () => at(await health(), 'alias', 'state'), { timeout }).toBe('moved')
  const { register, migrate } = at(await health(), 'alias', 'offer') as Offer
  const registered = await send(tenant, register.method, register.path, register.body)
  expect([registered.status, at(registered.body, 'arn')]).toEqual([201, other])
  expect((await send(tenant, migrate.method, migrate.path)).status).toBe(200)
  const current = async () =>
    (await send(tenant, 'GET', `${providers}/${textAt(registered.body, 'arnFingerPrint')}`)).body
  await expect.poll(async () => at(await current(), 'current'), { timeout }).toBe(true)
  expect(await outcome(tenant, text)).toBe('open')
})

interface Offer {
  register: { method: string; path: string; body: unknown }
  migrate: { method: string; path: string }
}

test('after a denial that only a probe has seen no other region stands in', async () => {
  const tenant = await server.createTenant()
  const arn = await server.createCustomerKey()
  const { fingerprint } = await registerKey(server, tenant, arn)
  await migrateTo(server, tenant, fingerprint)
  const text = await encryptText(server, tenant, 'denied')
  const health = async () => (await send(tenant, 'GET', `${providers}/${fingerprint}/health`)).body
  await expect.poll(async () => at(await health(), 'regions', 1, 'state'), { timeout }).toBe('healthy')

  await server.customerKms().send(new PutKeyPolicyCommand({ KeyId: arn, Policy: policyWithout() }))
  await expect.poll(async () => at(await health(), 'state'), { timeout }).toBe('denied')
  server.kms.regions.takeDown('eu-west-1', 'refused')
  // The replica would let it be opened.
  expect(at(await health(), 'regions', 1)).toMatchObject({ region: 'eu-west-3', state: 'healthy' })
  expect(await outcome(tenant, text)).toBe('ERR_KMS_UNREACHABLE')
  expect(await health()).toMatchObject({ state: 'denied' })
  server.kms.regions.bringBack('eu-west-1')

  await server.customerKms().send(new PutKeyPolicyCommand({ KeyId: arn, Policy: customerKeyPolicy() }))
  await expect.poll(() => outcome(tenant, text), { timeout }).toBe('open')
})

slowTest(
  'an outage that only probes see ends nothing that is held, and holds up no call when it is over',
  async () => {
    const tenant = await createTenantWithOwnKey(server)
    const text = await encryptText(server, tenant, 'held')
    const fingerprint = textAt((await send(tenant, 'GET', providers)).body, 0, 'arnFingerPrint')
    const keyId = tenant.arn.split('/')[1]
    const probes = () => server.kms.countCalls({ keyId, operation: 'Decrypt' })
    const remove = server.kms.faults.add({ kind: 'error500', match: { keyId } })
    const before = probes()
    const health = async () =>
      at((await send(tenant, 'GET', `${providers}/${fingerprint}/health`)).body, 'state')
    await expect.poll(health, { timeout }).toBe('unreachable')
    // More than what would make traffic leave the key alone for a while.
    await expect.poll(() => probes() - before, { timeout: 30_000 }).toBeGreaterThan(8)
    expect(await outcome(tenant, text)).toBe('open')
    remove()
    // Lets go what is held: the next request asks the KMS, at once.
    await send(tenant, 'PATCH', '/api/v1/encryption/settings', { keyCacheTtlSeconds: 60 })
    expect(await outcome(tenant, text)).toBe('open')
  },
)
