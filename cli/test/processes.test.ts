// What scripts cannot show: signals, pipes, file modes, connections that fail.
import { createServer, type RequestListener, type Server } from 'node:http'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startKeyhold } from './run-keyhold.ts'

const token = 'token-of-the-admin'

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return listen(server)
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keyhold-cli-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

const running = JSON.stringify({
  id: 'm1',
  state: 'InProgress',
  phase: 'copy',
  progress: 10,
  cipherkeys: { total: 10, copied: 1, failed: 0 },
})

test('an interrupt ends the waiting with 130 and says that the migration goes on', async () => {
  let polls = 0
  const url = await serve((_request, response) => {
    response.end(running)
    // The first request starts the migration, the second is a poll.
    if (++polls === 2) child.kill('SIGINT')
  })
  const { child, outcome } = startKeyhold(['keyprovider', 'migrate', '9f01', '--wait'], {
    KEYHOLD_URL: url,
    KEYHOLD_TOKEN: token,
  })
  const { stdout, stderr, exit } = await outcome
  expect(stderr.split('\n').slice(-3)).toEqual([
    'keyhold: error: stopped waiting; migration m1 goes on (ERR_CLI_INTERRUPTED)',
    'keyhold: hint: keyhold keyprovider migration-details shows it',
    '',
  ])
  expect(stdout).toBe('')
  expect(exit).toBe(130)
})

test('an interrupt ends the watching with 130 and says that the migration goes on', async () => {
  const job = JSON.stringify({ id: 'm1', phase: 'copy', progress: 10, cipherkeys: { total: 10, copied: 1 } })
  const url = await serve((_request, response) => {
    response.end(job)
    child.kill('SIGINT')
  })
  const environment = { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }
  const { child, outcome } = startKeyhold(['migration', 'watch', 'm1'], environment)
  const { stderr, exit } = await outcome
  expect(stderr.split('\n').slice(-3)).toEqual([
    'keyhold: error: stopped waiting; migration m1 goes on (ERR_CLI_INTERRUPTED)',
    'keyhold: hint: keyhold migration show m1 shows it',
    '',
  ])
  expect(exit).toBe(130)
})

test('--timeout ends the waiting, even when the server is silent', async () => {
  let requests = 0
  const url = await serve((_request, response) => {
    if (++requests <= 2) response.end(running)
  })
  const { outcome } = startKeyhold(['keyprovider', 'migrate', '9f01', '--timeout', '0.5', '--json'], {
    KEYHOLD_URL: url,
    KEYHOLD_TOKEN: token,
  })
  const { stdout, exit } = await outcome
  expect(JSON.parse(stdout)).toEqual({
    errors: [{ code: 'ERR_CLI_TIMEOUT', title: 'not completed within 0.5 s; migration m1 goes on' }],
  })
  expect(exit).toBe(1)
})

test('a reader that goes away is no error', async () => {
  const tenants = Array.from({ length: 20_000 }, (_, index) => ({
    id: `tenant-${index}`,
    name: 'A tenant',
    createdAt: '2026-01-02T03:04:05Z',
  }))
  const url = await serve((_request, response) => {
    // Before the answer comes, so that nobody is there when it is printed.
    child.stdout?.destroy()
    response.end(JSON.stringify(tenants))
  })
  const { child, outcome } = startKeyhold(['tenant', 'ls'], { KEYHOLD_URL: url, KEYHOLD_TOKEN: token })
  // The destroyed end rejects here, in the test's own reading of it.
  outcome.catch(() => undefined)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exit = await new Promise((resolve) => child.on('close', resolve))
  expect(stderr).toBe('')
  expect(exit).toBe(0)
})

test('nobody listens: exit 4, with what the system said and what to do', async () => {
  const server = createServer()
  const url = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  const { stderr, exit } = await startKeyhold(['tenant', 'ls'], { KEYHOLD_URL: url, KEYHOLD_TOKEN: token })
    .outcome
  expect(stderr).toBe(
    `keyhold: error: cannot reach ${url}: connect ECONNREFUSED ${url.slice(7)} (ERR_CLIENT_UNREACHABLE)\n` +
      'keyhold: hint: nothing listens there: is the server running, and is KEYHOLD_URL or --server right?\n',
  )
  expect(exit).toBe(4)
})

test('https to a server that speaks http: exit 4', async () => {
  const url = (await serve((_request, response) => response.end())).replace('http:', 'https:')
  const { stderr, exit } = await startKeyhold(['tenant', 'ls'], { KEYHOLD_URL: url, KEYHOLD_TOKEN: token })
    .outcome
  expect(stderr).toContain('keyhold: hint: the server does not speak TLS there: is it http?\n')
  expect(exit).toBe(4)
})

test('a token file that everybody can read is warned about', async () => {
  const folder = await temporaryFolder()
  const url = await serve((_request, response) => response.end('[]'))
  await writeFile(join(folder, 'token'), `${token}\n`)
  await chmod(join(folder, 'token'), 0o644)
  const args = ['tenant', 'ls', '-q', '--token-file', 'token']
  const { stderr, exit } = await startKeyhold(args, { KEYHOLD_URL: url }, '', folder).outcome
  expect(stderr).toBe('keyhold: warning: every user of this machine can read token; chmod 600 ends that\n')
  expect(exit).toBe(0)
})

test('a key file is readable by its owner alone, and is taken back when no key was made', async () => {
  const folder = await temporaryFolder()
  let status = 503
  const url = await serve((_request, response) => {
    response.writeHead(status)
    response.end(
      status === 201 ? '{"id":"k1","key":"kh_1"}' : '{"errors":[{"code":"X","title":"No."}],"traceId":"t"}',
    )
  })
  const args = ['api-key', 'create', '--role', 'service', '--key-file', 'key', '-q']
  const run = () => startKeyhold(args, { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }, '', folder).outcome
  expect(await run()).toMatchObject({ exit: 9 })
  status = 201
  expect(await run()).toEqual({ stdout: 'k1\n', stderr: '', exit: 0 })
  expect((await stat(join(folder, 'key'))).mode & 0o777).toBe(0o600)
})

test('--help shows the exit codes and takes no server', async () => {
  const { stdout, exit } = await startKeyhold(['--help']).outcome
  expect(stdout).toContain('Exit codes:')
  expect(exit).toBe(0)
})

test('no command at all is a wrong command line', async () => {
  const { stdout, stderr, exit } = await startKeyhold(['keyprovider']).outcome
  expect(stderr).toContain('Usage: keyhold keyprovider')
  expect(stdout).toBe('')
  expect(exit).toBe(2)
})
