// A server that listens on all addresses of IPv6: its URL is one that a client on the same machine can call.
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { reachableUrl } from '../../src/wiring/listeners/reachable-url.ts'
import { startTestServer } from '../../../testkit/src/server/start-test-server.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ family }) => family === 'IPv6'),
)

test.skipIf(!hasIpv6).each(['::', '[::]', '::1'])('with KEYHOLD_HOST=%s', async (host) => {
  const server = await startTestServer({
    KEYHOLD_HOST: host,
    KEYHOLD_METRICS_HOST: host,
    KEYHOLD_METRICS_PORT: '0',
    KEYHOLD_ALLOW_PLAIN_HTTP: 'true',
  })
  try {
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect((await server.request('GET', '/readyz')).status).toBe(200)
    expect((await fetch(`${server.metricsUrl ?? ''}/metrics`)).status).toBe(200)
    // The SDK refuses to send a token in the clear to another machine, and sees that this is none.
    expect((await server.createTenant()).tenantId).toBeTypeOf('string')
  } finally {
    await server.stop()
  }
})

test.each([
  ['http://0.0.0.0:80', 'http://127.0.0.1'],
  ['http://0.0.0.0:8080', 'http://127.0.0.1:8080'],
  ['http://[::]:8080', 'http://[::1]:8080'],
  ['http://10.0.0.1:8080', 'http://10.0.0.1:8080'],
])('%s is reached at %s', (own, reachable) => {
  expect(reachableUrl(own)).toBe(reachable)
})
