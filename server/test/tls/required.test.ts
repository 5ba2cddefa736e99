// Where each client must have a certificate; files that cannot be used; and plain HTTP to other machines.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { startQuietServer } from '../../../testkit/src/server/start-quiet-server.ts'
import { ask, startTlsScene, type TlsScene } from '../../../testkit/src/server/tls-scene.ts'

const clients = createTestAuthority('authority of the clients')

describe('with KEYHOLD_TLS_CLIENT_CERTIFICATES=required and TLS 1.3', () => {
  let scene: TlsScene
  beforeAll(async () => {
    scene = await startTlsScene(clients.certificate, {
      ...{ KEYHOLD_TLS_CLIENT_CERTIFICATES: 'required', KEYHOLD_TLS_MIN_VERSION: '1.3' },
      KEYHOLD_METRICS_PORT: '0',
    })
  })
  afterAll(() => scene.end())

  test.each([
    ['/openapi.json', 401],
    ['/api/v1/tenants', 401],
    ['/nowhere', 401],
    ['/livez', 200],
    ['/readyz?x', 200],
  ])('%s without one is a %i', async (path, status) => {
    expect((await ask(`${scene.server.url}${path}`)).status).toBe(status)
  })

  test('metrics need one, too', async () => {
    const url = `${scene.server.metricsUrl}/metrics`
    expect((await ask(url)).status).toBe(401)
    const { key, certificate: cert } = clients.issue(['prometheus.example'])
    expect((await ask(url, { key, cert })).status).toBe(200)
  })

  test('with one the access token still decides', async () => {
    const { key, certificate: cert } = clients.issue(['service.example'])
    const url = `${scene.server.url}/api/v1/tenants`
    expect((await ask(url, { key, cert })).status).toBe(401)
    const headers = { authorization: `Bearer ${scene.server.operatorToken}` }
    expect((await ask(url, { key, cert, headers })).status).toBe(200)
  })

  test('TLS 1.2 is refused', async () => {
    await expect(ask(`${scene.server.url}/livez`, { maxVersion: 'TLSv1.2' })).rejects.toThrow(
      /protocol version/i,
    )
  })
})

test.each([
  [{ KEYHOLD_HOST: '0.0.0.0' }, /KEYHOLD_HOST \(0\.0\.0\.0\) would be served in plain HTTP/],
  [{ KEYHOLD_HOST: '::' }, /KEYHOLD_HOST \(::\)/],
  [{ KEYHOLD_HOST: '192.0.2.1' }, /KEYHOLD_TLS_CERTIFICATE_FILE/],
  [{ KEYHOLD_HOST: 'keyhold.example' }, /KEYHOLD_ALLOW_PLAIN_HTTP=true/],
  [{ KEYHOLD_METRICS_HOST: '0.0.0.0', KEYHOLD_METRICS_PORT: '0' }, /KEYHOLD_METRICS_HOST \(0\.0\.0\.0\)/],
  [
    { KEYHOLD_TLS_CERTIFICATE_FILE: '/none', KEYHOLD_TLS_KEY_FILE: '/none' },
    /The file \/none of KEYHOLD_TLS_/,
  ],
])('%j does not start', async (environment: Record<string, string>, message) => {
  const data = {
    KEYHOLD_DATA_DIR: '/nonexistent/keyhold',
    KEYHOLD_DATABASE_URL: 'postgres://u:p@127.0.0.1:1/d',
  }
  await expect(startQuietServer({ ...data, ...environment })).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
  })
})
