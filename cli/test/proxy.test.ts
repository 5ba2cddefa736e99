// The command through a proxy to a server with TLS, each time as a process of its own: Node's proxy is one for the process.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startConnectProxy, type ConnectProxy } from '../../testkit/src/network/connect-proxy.ts'
import { startTlsFront, type TlsFront } from '../../testkit/src/network/tls-front.ts'
import { keyhold, startKeyhold } from './run-keyhold.ts'
import { doseOf, slowTest } from '../../testkit/src/statistics/dose-of.ts'

let folder: string
let front: TlsFront
let proxy: ConnectProxy
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end('[{"name":"Blue","arnFingerPrint":"9f01"}]')
})
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  front = await startTlsFront((server.address() as AddressInfo).port, ['keyhold.test', 'localhost'])
  proxy = await startConnectProxy(() => front.port, { credentials: 'me:s3cret' })
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-proxy-'))
  writeFileSync(path.join(folder, 'ca.pem'), front.certificate)
})
beforeEach(() => {
  proxy.asked.length = 0
  proxy.refusal = undefined
})
afterAll(async () => {
  await proxy.close()
  await front.close()
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

async function ls(env: Record<string, string>, url = 'https://keyhold.test:8443') {
  const { outcome } = startKeyhold(['keyprovider', 'ls', '-q'], {
    env: {
      KEYHOLD_URL: url,
      KEYHOLD_TOKEN: 'token',
      NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
      ...env,
    },
  })
  const { stdout, stderr, exit } = await outcome
  expect(stderr).not.toMatch(/s3cret|wr0ng/)
  return { stdout, stderr, exit }
}

const at = (credentials: string) => `http://${credentials}@127.0.0.1:${proxy.port}`

test.each(doseOf(['HTTPS_PROXY', 'https_proxy'], 2))(
  'the server answers through the tunnel of %s',
  async (name) => {
    expect(await ls({ [name]: at('me:s3cret') })).toEqual({ stdout: '9f01\n', stderr: '', exit: 0 })
    expect(proxy.asked).toEqual(['keyhold.test:8443'])
  },
)

slowTest('this machine and what NO_PROXY names have no proxy', async () => {
  const local = await ls({ HTTPS_PROXY: at('me:s3cret') }, `https://localhost:${front.port}`)
  expect(local).toMatchObject({ stdout: '9f01\n', exit: 0 })
  const excepted = await ls({ HTTPS_PROXY: at('me:s3cret'), NO_PROXY: '.test' })
  expect(excepted.exit).not.toBe(0)
  expect(excepted.stderr).not.toContain('proxy')
  expect(proxy.asked).toEqual([])
})

test('a proxy that refuses is named, with its setting', async () => {
  const { stderr, exit } = await ls({ HTTPS_PROXY: at('me:wr0ng') })
  expect(exit).not.toBe(0)
  expect(stderr).toContain(
    `the proxy 127.0.0.1:${proxy.port} of HTTPS_PROXY asks for other credentials (407)`,
  )
  expect(stderr).toContain('hint: correct HTTPS_PROXY')
  proxy.refusal = 403
  expect((await ls({ HTTPS_PROXY: at('me:s3cret') })).stderr).toContain('refuses the connection (403)')
})

slowTest('a proxy that is dead is named', async () => {
  const dead = await startConnectProxy(() => front.port)
  const url = `http://127.0.0.1:${dead.port}`
  await dead.close()
  expect((await ls({ HTTPS_PROXY: url })).stderr).toContain('of HTTPS_PROXY cannot be reached')
})

test('a proxy that is none is refused before anything is sent', async () => {
  const env = {
    KEYHOLD_URL: 'https://keyhold.test',
    KEYHOLD_TOKEN: 'token',
    HTTPS_PROXY: 'socks5://me:s3cret@proxy',
  }
  const { stderr, exit } = await keyhold(['keyprovider', 'ls'], { env })
  expect([stderr, exit]).toEqual([expect.stringContaining('HTTPS_PROXY is not the URL of a proxy'), 3])
  expect(stderr).not.toContain('s3cret')
})
