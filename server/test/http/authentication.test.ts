// Who gets in: unknown, malformed and revoked access tokens are one and the same, and roles keep to their routes.
import { isEventRoute, routeIds, routes, type GivenRole as Role } from '@keyhold/contract'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { rawRequest } from './raw-request.ts'
import { errorCode, textAt, withoutTrace } from './read-body.ts'
import { providers, waitUntil } from './scene.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const list = (headers: Record<string, string>) => rawRequest(server.url, 'GET', providers, { headers })

async function createApiKey(body: object): Promise<{ id: string; token: string }> {
  const answer = await server.request('POST', '/api/v1/api-keys', { token: server.operatorToken, body })
  return { id: textAt(answer.body, 'id'), token: textAt(answer.body, 'key') }
}

describe('an access token', () => {
  const refusal = {
    errors: [{ code: 'ERR_UNAUTHENTICATED', title: 'The access token is missing or not valid.' }],
  }

  test.each<[string, (valid: string) => Record<string, string>]>([
    ['is missing', () => ({})],
    ['is empty', () => ({ authorization: 'Bearer ' })],
    ['stands without "Bearer"', (valid) => ({ authorization: valid })],
    ['stands under another scheme', (valid) => ({ authorization: `Basic ${valid}` })],
    ['is no API key', () => ({ authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' })],
    [
      'has an unknown id',
      (valid) => ({ authorization: `Bearer ${valid.replace(/_.{16}_/, `_${'0'.repeat(16)}_`)}` }),
    ],
    ['has a wrong secret', (valid) => ({ authorization: `Bearer ${valid.slice(0, -43)}${'A'.repeat(43)}` })],
    ['has one character more', (valid) => ({ authorization: `Bearer ${valid}A` })],
    ['has a word after it', (valid) => ({ authorization: `Bearer ${valid} x` })],
    ['is very long', () => ({ authorization: `Bearer ${'a'.repeat(8_000)}` })],
    ['stands in another header', (valid) => ({ 'x-api-key': valid })],
  ])('that %s is refused like any other', async (_, headers) => {
    const answer = await list(headers(tenant.adminToken))

    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="keyhold"')
    expect(withoutTrace(answer.body)).toEqual(refusal)
  })

  it('may be announced by "bearer" in any letters', async () => {
    expect((await list({ authorization: `bearer ${tenant.adminToken}` })).status).toBe(200)
    expect((await list({ authorization: `BEARER  ${tenant.adminToken}` })).status).toBe(200)
  })

  it('that was revoked ends within six seconds, and then looks as if it had never been', async () => {
    const { id, token } = await createApiKey({ role: 'tenant-admin', tenantId: tenant.tenantId })
    expect((await list({ authorization: `Bearer ${token}` })).status).toBe(200)

    const revoked = await server.request('DELETE', `/api/v1/api-keys/${id}`, { token: server.operatorToken })

    expect(revoked.status).toBe(204)
    await waitUntil(async () => (await list({ authorization: `Bearer ${token}` })).status === 401, 6_000)
    const answer = await list({ authorization: `Bearer ${token}` })
    expect(withoutTrace(answer.body)).toEqual(refusal)
    const again = await server.request('DELETE', `/api/v1/api-keys/${id}`, { token: server.operatorToken })
    expect(errorCode(again.body)).toBe('ERR_API_KEY_NOT_FOUND')
  })

  it('of a deleted tenant does nothing any more', async () => {
    const gone = await server.createTenant()
    await list({ authorization: `Bearer ${gone.adminToken}` })
    const arn = await server.createCustomerKey()
    const { operatorToken } = server
    await server.request('DELETE', `/api/v1/tenants/${gone.tenantId}`, { token: operatorToken })

    const create = await server.request('POST', providers, {
      token: gone.adminToken,
      body: { name: 'a key', arn },
    })
    const encrypt = await server.request('POST', '/api/v1/encryption/encrypt', {
      token: gone.serviceToken,
      body: { items: [{ plaintext: '' }] },
    })

    expect([401, 404]).toContain(create.status)
    expect([401, 404]).toContain(encrypt.status)
  })

  it('of a deleted tenant meets no new tenant, for its id is never used again', async () => {
    const gone = await server.createTenant('used-once')
    await list({ authorization: `Bearer ${gone.adminToken}` })
    const { operatorToken: token } = server
    const deleted = await server.request('DELETE', '/api/v1/tenants/used-once', { token })
    expect(deleted.status).toBe(204)

    const again = await server.request('POST', '/api/v1/tenants', {
      token,
      body: { id: 'used-once', name: 'x' },
    })

    expect(again.status).toBe(409)
    expect(errorCode(again.body)).toBe('ERR_TENANT_EXISTS')
  })

  it('is shown once and stored nowhere', async () => {
    const { token } = await createApiKey({ role: 'service' })

    const keys = await server.request('GET', '/api/v1/api-keys', { token: server.operatorToken })

    expect(keys.text).not.toContain(token.slice(-43))
    expect(keys.text).not.toMatch(/hash|secret/i)
  })
})

describe('a role', () => {
  let tokens: Record<Role, string>
  beforeAll(async () => {
    const ofTenant = async (role: Role) => (await createApiKey({ role, tenantId: tenant.tenantId })).token
    tokens = {
      'service-encrypt': await ofTenant('service-encrypt'),
      'security-officer': await ofTenant('security-officer'),
      'tenant-admin': tenant.adminToken,
      service: tenant.serviceToken,
      auditor: await ofTenant('auditor'),
      operator: server.operatorToken,
    }
  })

  test.each(routeIds)('keeps others from %s', async (routeId) => {
    const route = routes[routeId]
    // A stream would not end: it is refused for its query.
    const path = route.path.replace(/:\w+/, 'unknown') + (isEventRoute(routeId) ? '?after=x' : '')
    const allowed: readonly string[] = route.roles

    for (const [role, token] of Object.entries(tokens)) {
      const answer = await rawRequest(server.url, route.method, path, { token, body: '{' })
      if (allowed.some((each) => each === role)) {
        expect([401, 403], role).not.toContain(answer.status)
      } else {
        expect([answer.status, errorCode(answer.body)], role).toEqual([403, 'ERR_FORBIDDEN'])
      }
    }
  })

  test.each([
    ['an admin without a tenant', { role: 'tenant-admin' }, 400, 'ERR_INVALID_REQUEST'],
    ['an operator with a tenant', { role: 'operator', tenantId: 'x' }, 400, 'ERR_INVALID_REQUEST'],
    ['an unknown role', { role: 'root' }, 400, 'ERR_INVALID_REQUEST'],
    ['an unknown tenant', { role: 'service', tenantId: 'nobody' }, 404, 'ERR_TENANT_NOT_FOUND'],
  ])('is not given to %s', async (_, body, status, code) => {
    const answer = await server.request('POST', '/api/v1/api-keys', { token: server.operatorToken, body })

    expect([answer.status, errorCode(answer.body)]).toEqual([status, code])
  })
})

describe('a service for all tenants', () => {
  const encrypt = async (token: string, headers: Record<string, string>) =>
    server.request('POST', '/api/v1/encryption/encrypt', {
      token,
      headers,
      body: { items: [{ plaintext: 'aGk=' }] },
    })

  it('names the tenant that it acts for', async () => {
    const { token } = await createApiKey({ role: 'service' })

    const named = await encrypt(token, { 'keyhold-tenant': tenant.tenantId })
    const unnamed = await encrypt(token, {})
    const unknown = await encrypt(token, { 'keyhold-tenant': 'nobody' })
    const malformed = await encrypt(token, { 'keyhold-tenant': `${tenant.tenantId}, nobody` })

    expect(named.status).toBe(200)
    expect([unnamed.status, errorCode(unnamed.body)]).toEqual([400, 'ERR_INVALID_REQUEST'])
    expect([unknown.status, errorCode(unknown.body)]).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
    expect([malformed.status, errorCode(malformed.body)]).toEqual([400, 'ERR_INVALID_REQUEST'])
  })

  it('reads what another service of that tenant wrote', async () => {
    const { token } = await createApiKey({ role: 'service' })
    const written = await encrypt(token, { 'keyhold-tenant': tenant.tenantId })

    const read = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: tenant.serviceToken,
      headers: { 'keyhold-tenant': tenant.tenantId },
      body: { items: [{ token: textAt(written.body, 'items', 0, 'token') }] },
    })

    expect(read.body).toEqual({ items: [{ plaintext: 'aGk=' }] })
  })
})
