// The scenes of the calls that are recorded: tenants with what a call needs, and who makes it.
import { providers, registerKey } from '../http/scene.ts'
import { textAt } from '../http/read-body.ts'
import { migrate, migrations } from '../../../testkit/src/http/key-jobs.ts'
import { prepareWaitingMigration } from '../../../testkit/src/tenants/set-aside.ts'
import type { HttpAnswer, TestServer, TestTenant } from '../../../testkit/src/server/start-test-server.ts'

/** A call that is made once everything it needs is there. */
export type Call = (server: TestServer) => Promise<HttpAnswer>

export const dataKeys = '/api/v1/encryption/data-keys'
export const destructions = '/api/v1/encryption/destructions'
export const inAWeek = { inDays: 7 }
export const unknownId = '01890000-0000-7000-8000-000000000000'
export const unknownFingerprint = '0'.repeat(32)

export async function as(
  server: TestServer,
  { adminToken: token }: TestTenant,
  method: string,
  path: string,
  body?: unknown,
): Promise<HttpAnswer> {
  return server.request(method, path, { token, body })
}

export async function asOperator(server: TestServer, method: string, path: string, body?: unknown) {
  return server.request(method, path, { token: server.operatorToken, body })
}

/** One call of a new tenant's admin. */
export const once =
  (method: string, path: string | ((tenant: TestTenant) => string), body?: unknown): Call =>
  async (server) => {
    const tenant = await server.createTenant()
    return as(server, tenant, method, typeof path === 'string' ? path : path(tenant), body)
  }

export async function withKey(server: TestServer) {
  const tenant = await server.createTenant()
  const { fingerprint, arn } = await registerKey(server, tenant)
  return { tenant, arn, fingerprint, path: `${providers}/${fingerprint}` }
}

/** A migration that waits in `verify`, since a cipherkey does not open. */
export async function withPausedMigration(server: TestServer) {
  const waiting = await prepareWaitingMigration(server)
  return { ...waiting, path: `${migrations}/${waiting.id}` }
}

export async function withDoneMigration(server: TestServer) {
  const { tenant, fingerprint } = await withKey(server)
  const { id } = await migrate(server, tenant, fingerprint)
  return { tenant, path: `${migrations}/${id}` }
}

export async function withDataKey(server: TestServer) {
  const tenant = await server.createTenant()
  await server.request('POST', '/api/v1/encryption/encrypt', {
    token: tenant.serviceToken,
    body: { items: [{ plaintext: 'aGk=' }] },
  })
  return tenant
}

export async function withScheduledDestruction(server: TestServer) {
  const tenant = await withDataKey(server)
  const scheduled = await as(server, tenant, 'POST', `${dataKeys}/default/actions/destroy`, inAWeek)
  return { tenant, path: `${destructions}/${textAt(scheduled.body, 'id')}/actions/cancel` }
}

export async function newApiKey(server: TestServer): Promise<string> {
  const { tenantId } = await server.createTenant()
  const { body } = await asOperator(server, 'POST', '/api/v1/api-keys', { role: 'auditor', tenantId })
  return `/api/v1/api-keys/${textAt(body, 'id')}`
}
