// The real command in a process of its own, where one is needed: signals, pipes, terminals, exit codes. Everything else
// is tested in this process, which is quicker.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { main, startKeyhold } from './run-keyhold.ts'
import { serveLeases } from './serve-leases.ts'
import { closedPort, serve } from '../../testkit/src/http/serve.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { slowTest } from '../../testkit/src/statistics/dose-of.ts'

const run = promisify(execFile)
const token = 'token-of-the-admin'

/** A folder, and an environment with a server of leases. */
async function encryption() {
  const server = await serveLeases()
  onTestFinished(() => {
    server.stop()
  })
  return { cwd: await temporaryFolder(), env: { KEYHOLD_URL: server.url, KEYHOLD_TOKEN: token } }
}

test('an interrupt ends the waiting with 130 and says that the migration goes on', async () => {
  const running = JSON.stringify({
    id: 'm1',
    state: 'InProgress',
    phase: 'copy',
    progress: 10,
    cipherkeys: { total: 10, copied: 1, failed: 0 },
  })
  let polls = 0
  const url = await serve((_request, response) => {
    response.end(running)
    // The first request starts the migration, the second is a poll.
    if (++polls === 2) child.kill('SIGINT')
  })
  const { child, outcome } = startKeyhold(['keyprovider', 'migrate', '9f01', '--wait'], {
    env: { KEYHOLD_URL: url, KEYHOLD_TOKEN: token },
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

test('an interrupt takes back a file that was begun', async () => {
  const { cwd, env } = await encryption()
  const { child, outcome } = startKeyhold(['encrypt', '-o', 'x'], { env, cwd, stdin: null })
  child.stdin?.write('x'.repeat(100_000))
  // A part is written already.
  await expect.poll(async () => (await readdir(cwd)).length, { timeout: 20_000 }).toBe(1)
  child.kill('SIGINT')
  const stderr = 'keyhold: error: interrupted (ERR_CLI_INTERRUPTED)\n'
  expect(await outcome).toEqual({ stdout: '', stderr, exit: 130 })
  expect(await readdir(cwd)).toEqual([])
})

slowTest('an interrupt also ends the reading of a named pipe whose writer is silent', async () => {
  const { cwd, env } = await encryption()
  const pipe = join(cwd, 'pipe')
  await run('mkfifo', [pipe])
  const writer = await open(pipe, 'r+')
  const { child, outcome } = startKeyhold(['encrypt', 'pipe', '-o', 'x'], { env, cwd })
  await expect.poll(async () => (await readdir(cwd)).length, { timeout: 20_000 }).toBe(2)
  child.kill('SIGINT')
  const { stderr, exit } = await outcome
  // Null: by the signal itself, where a read could not be ended.
  expect([stderr, exit ?? 130]).toEqual(['keyhold: error: interrupted (ERR_CLI_INTERRUPTED)\n', 130])
  expect(await readdir(cwd)).toEqual(['pipe'])
  await writer.close()
})

test('from pipe to pipe', async () => {
  const { cwd, env } = await encryption()
  const content = '0123456789'.repeat(100_000)
  await writeFile(join(cwd, 'plain'), content)
  const keyhold = `'${process.execPath}' '${main}'`
  await run('sh', ['-c', `cat plain | ${keyhold} encrypt | ${keyhold} decrypt > back`], {
    cwd,
    env: { ...env, PATH: '/usr/bin:/bin' },
  })
  expect(await readFile(join(cwd, 'back'), 'utf8')).toBe(content)
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
  const { child, outcome } = startKeyhold(['tenant', 'ls'], {
    env: { KEYHOLD_URL: url, KEYHOLD_TOKEN: token },
  })
  // The destroyed end rejects here, in the test's own reading of it.
  outcome.catch(() => undefined)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exit = await new Promise((resolve) => child.on('close', resolve))
  expect(stderr).toBe('')
  expect(exit).toBe(0)
})

test.skipIf(!existsSync('/usr/bin/script'))('nothing binary goes to a terminal', async () => {
  const { cwd, env } = await encryption()
  await writeFile(join(cwd, 'sealed'), 'x')
  const command = `'${process.execPath}' '${main}' decrypt sealed`
  await expect(run('script', ['-qec', command, '/dev/null'], { cwd, env })).rejects.toMatchObject({
    code: 2,
    stdout: expect.stringContaining('standard output is a terminal, which shows no binary data') as unknown,
  })
})

slowTest('nobody listens: exit 4, with the words of the system and the next step', async () => {
  const url = await closedPort()
  const env = { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }
  const { stderr, exit } = await startKeyhold(['tenant', 'ls'], { env }).outcome
  expect(stderr).toBe(
    `keyhold: error: cannot reach ${url}: connect ECONNREFUSED ${url.slice(7)} (ERR_CLIENT_UNREACHABLE)\n` +
      'keyhold: hint: nothing listens there: is the server running, and is KEYHOLD_URL or --server right?\n',
  )
  expect(exit).toBe(4)
})

test('the file starts by itself; --help shows the exit codes and takes no server', async () => {
  const { stdout } = await run(main, ['--help'], {
    env: { PATH: dirname(process.execPath) + ':/usr/bin:/bin' },
  })
  expect(stdout).toContain('Exit codes:')
})

slowTest('no command at all is a wrong command line', async () => {
  const { stdout, stderr, exit } = await startKeyhold(['keyprovider']).outcome
  expect(stderr).toContain('Usage: keyhold keyprovider')
  expect(stdout).toBe('')
  expect(exit).toBe(2)
})
