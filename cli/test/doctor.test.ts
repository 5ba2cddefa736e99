// keyhold doctor: all checks are made, whatever the others have found, and none shows a secret.
import { createServer } from 'node:https'
import { expect, onTestFinished, test } from 'vitest'
import { closedPort, serve } from '../../testkit/src/http/serve.ts'
import { createTestCertificate } from '../../testkit/src/network/test-authority.ts'
import { runChecks } from '../src/doctor/checks.ts'
import { keyhold } from './run-keyhold.ts'

const token = 'token-of-the-admin'

interface Diagnosis {
  isHealthy: boolean
  checks: { name: string; status: string; seen: string; advice?: string }[]
}

async function diagnose(env: Record<string, string>, ...args: string[]) {
  const { stdout, stderr, exit } = await keyhold(['doctor', '--json', ...args], { env })
  expect(stdout + stderr).not.toContain(token)
  const { isHealthy, checks } = JSON.parse(stdout) as Diagnosis
  const statuses = Object.fromEntries(checks.map(({ name, status }) => [name, status]))
  return {
    exit,
    stderr,
    isHealthy,
    statuses,
    seen: (name: string) => checks.find((each) => each.name === name),
  }
}

function healthy(date = new Date()) {
  return serve((request, response) => {
    response.setHeader('date', date.toUTCString())
    if (request.url === '/readyz' || request.url === '/livez') response.end('{}')
    else if (request.headers.authorization === `Bearer ${token}`) response.end('{"tenants":[]}')
    else
      response.writeHead(401).end('{"errors":[{"code":"ERR_UNAUTHENTICATED","title":"No."}],"traceId":"t"}')
  })
}

test('a server that is well', async () => {
  const url = await healthy()
  const { exit, statuses, isHealthy, seen } = await diagnose({ KEYHOLD_URL: url, KEYHOLD_TOKEN: token })
  const ok = ['version', 'contexts', 'server', 'proxy', 'connection', 'ready', 'clock', 'token']
  expect(statuses).toEqual(Object.fromEntries(ok.map((name) => [name, 'ok'])))
  expect([exit, isHealthy]).toEqual([0, true])
  expect(seen('token')?.seen).toBe('KEYHOLD_TOKEN: accepted, of the role operator')
})

test('for people, a line for each with what to do', async () => {
  const { stdout, stderr, exit } = await keyhold(['doctor'], { env: {} })
  expect(stdout).toMatch(/^RESULT {2}CHECK +SEEN\nok +version +keyhold 0/)
  expect(stdout).toMatch(/\nfail +server +no server: KEYHOLD_URL is not set\n +→ run: set -a/)
  expect(stderr).toBe('keyhold: error: not as it should be: server (ERR_CLI_UNHEALTHY)\n')
  expect(exit).toBe(1)
})

test('a server that is away, a token that it does not know, a clock that is wrong', async () => {
  const away = await diagnose({ KEYHOLD_URL: await closedPort(), KEYHOLD_TOKEN: token })
  expect(away.statuses).toMatchObject({
    server: 'ok',
    connection: 'fail',
    ready: 'fail',
    clock: 'fail',
    token: 'fail',
  })
  expect(away.seen('ready')?.seen).toContain('ECONNREFUSED')
  const url = await healthy(new Date(Date.now() - 120_000))
  const late = await diagnose({ KEYHOLD_URL: url, KEYHOLD_TOKEN: token })
  expect([late.statuses.clock, late.exit]).toEqual(['warn', 0])
  expect((await diagnose({ KEYHOLD_URL: url, KEYHOLD_TOKEN: token }, '--strict')).exit).toBe(1)
  const refused = await diagnose({ KEYHOLD_URL: url, KEYHOLD_TOKEN: 'another' })
  expect(refused.seen('token')).toMatchObject({
    status: 'fail',
    seen: 'KEYHOLD_TOKEN: No. (ERR_UNAUTHENTICATED)',
  })
})

test('a password in the URL is not repeated', async () => {
  const env = { KEYHOLD_URL: 'http://me:secret@127.0.0.1:9', KEYHOLD_TOKEN: token }
  const { stdout, stderr, exit } = await keyhold(['doctor'], { env })
  expect(stdout + stderr).not.toContain('secret')
  expect(stdout).toContain('with a user or a password in the URL')
  expect(exit).toBe(1)
})

test('a certificate that is not to be trusted', async () => {
  const { key, certificate } = createTestCertificate(['localhost'])
  const server = createServer({ key, cert: certificate }, (_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const { statuses, seen } = await diagnose({
    KEYHOLD_URL: `https://localhost:${port}`,
    KEYHOLD_TOKEN: token,
  })
  expect(statuses).toMatchObject({ dns: 'ok', connection: 'ok', tls: 'fail' })
  expect(seen('tls')?.seen).toContain('not to be trusted: DEPTH_ZERO_SELF_SIGNED_CERT')
})

test('a check that takes too long ends, and the next one is made', async () => {
  const results = await runChecks(
    [
      { name: 'slow', look: () => new Promise(() => undefined) },
      { name: 'broken', look: () => Promise.reject(new Error('broken')) },
      { name: 'nothing', look: () => Promise.resolve(undefined) },
      { name: 'next', look: () => Promise.resolve({ status: 'ok', seen: 'well' }) },
    ],
    20,
  )
  expect(results.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'slow fail',
    'broken fail',
    'next ok',
  ])
})
