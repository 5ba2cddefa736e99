// A server whose certificate a private authority has issued.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestAuthority } from '../../testkit/src/network/test-authority.ts'
import { keyhold } from './run-keyhold.ts'

const authority = createTestAuthority()
const before = getCACertificates('default')
let folder: string
let server: Server
let asked = 0

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-ca-'))
  const { key, certificate: cert } = authority.issue(['localhost'])
  server = createServer({ key, cert }, (_request, response) => {
    asked++
    response.writeHead(401, { 'content-type': 'application/json' })
    response.end('{"errors":[{"code":"ERR_UNAUTHENTICATED","title":"t"}],"traceId":"x"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  setDefaultCACertificates(before)
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

async function run(text: string | undefined) {
  const file = path.join(folder, 'ca.pem')
  if (text !== undefined) await writeFile(file, text)
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  return keyhold(['tenant', 'ls', '--server', url, ...(text === undefined ? [] : ['--ca-file', file])], {
    env: { KEYHOLD_TOKEN: 'x' },
  })
}

test('is trusted with --ca-file, which the hint names, and not without it', async () => {
  expect((await run(undefined)).stderr).toContain('--ca-file')
  expect((await run(createTestAuthority().certificate)).stderr).toContain('--ca-file')
  expect(asked).toBe(0)
  const { stderr } = await run(createTestAuthority().certificate + authority.certificate)
  expect(stderr).toContain('ERR_UNAUTHENTICATED')
  expect(asked).toBe(1)
})

test.each(['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
  'a file with "%s" is refused',
  async (text) => {
    const { stderr, exit } = await run(text)
    expect(stderr).toMatch(/--ca-file .*ca\.pem: the file holds .*\(ERR_CLI_CA_FILE\)/)
    expect(exit).not.toBe(0)
  },
)

test('a file that is not there is refused', async () => {
  const { stderr } = await keyhold(['tenant', 'ls', '--server', 'https://x', '--ca-file', '/none'], {
    env: { KEYHOLD_TOKEN: 'x' },
  })
  expect(stderr).toContain('--ca-file /none: the file cannot be read')
})

describe('a server that asks for a certificate', () => {
  let asking: Server
  const shown: string[] = []
  const file = (name: string) => path.join(folder, name)
  const url = () => `https://localhost:${(asking.address() as AddressInfo).port}`
  const environment = () => ({ XDG_CONFIG_HOME: file('config'), KEYHOLD_TOKEN: 'x' })
  const options = () => [
    ...['--ca-file', file('ca.pem'), '--client-certificate', file('me.pem')],
    ...['--client-key', file('me.key')],
  ]

  beforeAll(async () => {
    const { key, certificate: cert } = authority.issue(['localhost'])
    const certificates = {
      key,
      cert,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    }
    asking = createServer(certificates, (request, response) => {
      const socket = request.socket as TLSSocket
      shown.push(socket.authorized ? (socket.getPeerX509Certificate()?.subjectAltName ?? '') : 'none')
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"tenants":[{"id":"acme","name":"Acme","createdAt":"2026-01-01T00:00:00.000Z"}]}')
    })
    await new Promise<void>((resolve) => asking.listen(0, '127.0.0.1', resolve))
    const mine = authority.issue(['spiffe://example.org/me'])
    await writeFile(file('ca.pem'), authority.certificate)
    await writeFile(file('me.pem'), mine.certificate)
    await writeFile(file('me.key'), mine.key)
  })
  afterAll(() => {
    asking.closeAllConnections()
    asking.close()
  })

  test('sees that of options, and that of the files whose paths a context keeps', async () => {
    const ls = ['tenant', 'ls', '--quiet']
    const env = environment()
    expect(await keyhold([...ls, '--server', url(), '--ca-file', file('ca.pem')], { env })).toMatchObject({
      ...{ exit: 0, stdout: 'acme\n' },
    })
    expect(await keyhold([...ls, '--server', url(), ...options()], { env })).toMatchObject({ exit: 0 })
    setDefaultCACertificates(before)
    const create = ['context', 'create', 'mine', '--no-verify', '--server', url(), ...options()]
    expect(await keyhold(create, { env })).toMatchObject({ exit: 0 })
    expect(await keyhold(ls, { env })).toMatchObject({ exit: 0, stdout: 'acme\n' })
    expect(shown).toEqual(['none', 'URI:spiffe://example.org/me', 'URI:spiffe://example.org/me'])
    const { stdout } = await keyhold(['context', 'get', '--json'], { env })
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ caFile: file('ca.pem'), clientCertificate: file('me.pem'), clientKey: file('me.key') },
    })
    expect(await readFile(path.join(file('config'), 'keyhold/contexts.json'), 'utf8')).not.toContain('BEGIN')
    // A context's certificate is for its own server.
    await keyhold([...ls, '--server', url()], { env })
    await keyhold(ls, { env: { ...env, KEYHOLD_URL: url() } })
    expect(shown.slice(3)).toEqual(['none', 'none'])
  })

  test('is not asked with a certificate that lacks its key, or is none', async () => {
    const ask = (...more: string[]) =>
      keyhold(['tenant', 'ls', '--server', url(), ...more], { env: environment() })
    const asks = shown.length
    for (const [more, words] of [
      [['--client-certificate', file('me.pem')], 'go together'],
      [['--client-certificate', '/none', '--client-key', file('me.key')], '/none: the file cannot be read'],
      [['--client-certificate', file('config'), '--client-key', file('me.key')], 'the file cannot be read'],
    ] as const) {
      const { exit, stderr } = await ask(...more)
      expect([exit, stderr]).toEqual([3, expect.stringContaining(words)])
      expect(stderr).toContain('ERR_CLI_CERTIFICATE')
    }
    expect(shown).toHaveLength(asks)
  })
})
