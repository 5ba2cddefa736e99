// The program by which containers and units ask how their replica is.
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { root, tryRun } from './tools.ts'

const program = path.join(root, 'deploy/image/healthcheck.mjs')
const answer: RequestListener = ({ url }, response) => {
  response.writeHead(url === '/livez' ? 200 : 503).end('{"status":"stopping"}')
}

test.each([
  { over: 'plain HTTP', server: createHttpServer(answer), environment: () => ({}) },
  {
    over: 'TLS, of a certificate that names another host',
    server: tlsServer(),
    environment: () => ({ KEYHOLD_TLS_CERTIFICATE_FILE: '/etc/keyhold/tls.crt' }),
  },
  {
    over: 'TLS, of a credential of systemd',
    server: tlsServer(),
    environment: (folder: string) => ({ CREDENTIALS_DIRECTORY: folder }),
  },
  {
    over: 'plain HTTP, of the listener for probes beside TLS',
    server: createHttpServer(answer),
    environment: () => ({ KEYHOLD_TLS_CERTIFICATE_FILE: '/etc/keyhold/tls.crt', KEYHOLD_PORT: '1' }),
    variable: 'KEYHOLD_HEALTH_PORT',
  },
])('it asks over $over', async ({ server, environment, variable = 'KEYHOLD_PORT' }) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-credentials-'))
  await writeFile(path.join(folder, 'KEYHOLD_TLS_CERTIFICATE'), 'x')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = (probe: string) =>
    tryRun('env', [
      ...Object.entries({ ...environment(folder), [variable]: port }).map(
        ([name, value]) => `${name}=${String(value)}`,
      ),
      ...[process.execPath, program, probe],
    ])
  expect(await ask('livez')).toMatchObject({ code: 0, stderr: '' })
  const { code, stderr } = await ask('readyz')
  expect(code).toBe(1)
  expect(stderr).toContain('/readyz: 503 {"status":"stopping"}')
  server.close()
  await rm(folder, { recursive: true })
})

function tlsServer() {
  const { key, certificate } = createTestAuthority().issue(['elsewhere.example'])
  return createHttpsServer({ key, cert: certificate }, answer)
}
