// The npm client of the original API in a browser's stead: it follows the CSRF scheme by itself. With an API key it never asks for it.
import encryption from '@qlik/api/encryption'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'

let server: TestServer
let tenant: TestTenant
let cookie: string
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
  const { headers } = await server.request('POST', '/api/v1/sessions', { token: tenant.adminToken, body: {} })
  cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
})
afterAll(() => server.stop())
afterEach(() => {
  vi.unstubAllGlobals()
})

/** Adds the cookie as a browser does, and keeps what was asked. */
function asBrowser(): string[] {
  const asked: string[] = []
  const send = globalThis.fetch
  vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => {
    asked.push(`${init.method ?? 'GET'} ${new URL(url).pathname}`)
    const headers = new Headers(init.headers)
    headers.set('cookie', cookie)
    return send(url, { ...init, headers })
  })
  return asked
}

async function change(hostConfig: object): Promise<number> {
  const arn = await server.createCustomerKey([tenant.tenantId])
  const body = { name: 'my key', arn, keyprovider: 'AWS-KMS' } as const
  const { status } = await encryption.createEncryptionKeyprovider(body, { hostConfig, noCache: true })
  return status
}

test('with a cookie it fetches the CSRF token, and changes what it wants', async () => {
  const asked = asBrowser()
  expect(await change({ authType: 'cookie', host: server.url })).toBe(201)
  expect(asked).toContain('GET /api/v1/csrf-token')
})

test('with an API key it asks for no token', async () => {
  const asked: string[] = []
  const send = globalThis.fetch
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) => {
    asked.push(new URL(url).pathname)
    return send(url, init)
  })
  const { adminToken: apiKey } = tenant
  expect(await change({ authType: 'apikey', host: server.url, apiKey })).toBe(201)
  expect(asked).not.toContain('/api/v1/csrf-token')
})
