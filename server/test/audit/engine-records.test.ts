// Keyhold's own acts are recorded as well, once, and as its own.
import {
  CreateAliasCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createKey, createTenantWithOwnKey, encryptText, providers, registerKey } from '../http/scene.ts'
import { textAt } from '../http/read-body.ts'

import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { findAuditFaults } from './find-audit-faults.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const waits = { timeout: 20_000, interval: 100 }
const dataKeys = '/api/v1/encryption/data-keys'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
    KEYHOLD_KEY_PROBE_SECONDS: '1',
    KEYHOLD_BACKUP_RETENTION_DAYS: '30',
  })
})
afterAll(() => server.stop())
beforeEach(async () => {
  tenant = await server.createTenant()
})

const admin = (method: string, path: string, body?: unknown) =>
  server.request(method, path, { token: tenant.adminToken, body })

/** Keyhold's own acts, in the chain of the tenant or in another one. */
async function recorded(prefix: string, chain = tenant.tenantId) {
  const text = `select action, target_id, details from keyhold.audits
    where chain = $1 and actor_id = 'system' and actor_role is null and trace_id is null and starts_with(action, $2)
    order by sequence`
  return server.query(text, [chain, prefix])
}

const faults = () => findAuditFaults((statement) => server.query(statement, []))

async function scheduleDestruction(keyName: string): Promise<string> {
  await encryptText(server, tenant, 'hi', { keyName })
  const { body } = await admin('POST', `${dataKeys}/${keyName}/actions/destroy`, { inDays: 7 })
  return textAt(body, 'id')
}

it('the end of a retired tenant key version', async () => {
  tenant = await createTenantWithOwnKey(server)
  expect(await recorded('tenantkey.')).toEqual([])

  await changeSigned(
    server.databaseConnection(),
    `update keyhold.tenant_keys set destroy_after = now() where tenant_id = '${tenant.tenantId}' and version = 1`,
  )

  const record = { action: 'tenantkey.destroy', target_id: '1', details: {} }
  await expect.poll(() => recorded('tenantkey.'), waits).toEqual([record])
  expect(await faults()).toEqual([])
})

it('the end of a data key as scheduled', async () => {
  const id = await scheduleDestruction('invoices')

  await makeDue(server, id)

  await expect
    .poll(() => recorded('datakey.'), waits)
    .toMatchObject([{ action: 'datakey.destroy', target_id: id, details: { keyName: 'invoices' } }])
  expect(await faults()).toEqual([])
})

it('the end of a tenant as scheduled, and of what it had scheduled itself', async () => {
  const { tenantId } = tenant
  const ofDataKey = await scheduleDestruction('invoices')
  const { body } = await server.request('POST', `/api/v1/tenants/${tenantId}/actions/schedule-deletion`, {
    token: server.operatorToken,
    body: { inDays: 7 },
  })

  await makeDue(server, textAt(body, 'id'))

  await expect
    .poll(async () => (await recorded('tenant.', '')).filter((row) => row.target_id === tenantId), waits)
    .toMatchObject([{ action: 'tenant.delete', details: { destructionId: textAt(body, 'id') } }])
  expect(await recorded('datakey.')).toMatchObject([{ action: 'datakey.destroy', target_id: ofDataKey }])
  expect(await faults()).toEqual([])
})

slowTest('what a deletion at once ends besides', async () => {
  const { tenantId } = tenant
  const path = `/api/v1/tenants/${tenantId}`
  const token = server.operatorToken
  await server.request('POST', `${path}/actions/schedule-deletion`, { token, body: { inDays: 7 } })

  expect(await server.request('DELETE', path, { token })).toMatchObject({ status: 204 })

  expect(await faults()).toEqual([])
})

it('what becomes of a key, and nothing while it stays as it is', async () => {
  const owner = await createTenantWithOwnKey(server)
  tenant = owner
  const disable = (isOn: boolean) =>
    server
      .customerKms()
      .send(isOn ? new DisableKeyCommand({ KeyId: owner.arn }) : new EnableKeyCommand({ KeyId: owner.arn }))
  const changes = async () => (await recorded('keyhealth.')).map(({ details }) => details)
  // Several probes find it well.
  await expect
    .poll(() => server.query('select from keyhold.key_probes where tenant_id = $1', [owner.tenantId]), waits)
    .toHaveLength(1)
  expect(await changes()).toEqual([])

  await disable(true)
  const denied = { region: 'eu-west-1', from: 'healthy', to: 'disabled', code: 'ERR_KMS_KEY_DISABLED' }
  await expect.poll(changes, waits).toEqual([denied])
  for (let count = 0; count < 5; count++) await encryptText(server, owner, 'hi').catch(() => undefined)

  await disable(false)
  await expect
    .poll(changes, waits)
    .toEqual([denied, { region: 'eu-west-1', from: 'disabled', to: 'healthy' }])
  expect(await faults()).toEqual([])
})

slowTest('that an alias names another key, once', async () => {
  const [first, second] = [await createKey(server), await createKey(server)]
  const kms = server.customerKms()
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/audited', TargetKeyId: first }))
  const aliasArn = first.replace(/key\/.*$/, 'alias/audited')
  const { fingerprint } = await registerKey(server, tenant, aliasArn)
  const test = () => admin('POST', `${providers}/${fingerprint}/actions/test`)
  await test()
  expect(await recorded('keyprovider.')).toEqual([])

  await kms.send(new UpdateAliasCommand({ AliasName: 'alias/audited', TargetKeyId: second }))
  await test()
  await test()

  expect(await recorded('keyprovider.')).toEqual([
    { action: 'keyprovider.move-alias', target_id: fingerprint, details: { aliasArn, keyArn: second } },
  ])
})
