// A server whose certificate a private authority has issued.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
