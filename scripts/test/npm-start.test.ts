// `npm start` as somebody would use it: start, source dev.env, kill, start again, stop by a signal to npm alone.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { slowTest } from '../../testkit/src/statistics/dose-of.ts'

const root = path.join(import.meta.dirname, '../..')

let dataDir: string
let port: number
let npm: ChildProcess
beforeAll(async () => {
  dataDir = path.join(await mkdtemp(path.join(tmpdir(), 'keyhold-start-')), 'data')
  port = await freePort()
  npm = await npmStart()
})
afterAll(async () => {
  npm.kill()
  await rm(path.dirname(dataDir), { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Starts `npm start` and waits until /readyz answers 200. */
async function npmStart(): Promise<ChildProcess> {
  const started = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, KEYHOLD_DATA_DIR: dataDir, KEYHOLD_PORT: String(port) },
    stdio: 'ignore',
  })
  for (let round = 0; round < 300; round++) {
    if (started.exitCode !== null) throw new Error(`npm start ended with ${started.exitCode}`)
    if (await isReady()) return started
    await setTimeout(100)
  }
  throw new Error('npm start does not get ready')
}

function isReady(): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )
}

async function devEnv(): Promise<Record<string, string>> {
  const text = await readFile(path.join(dataDir, 'dev.env'), 'utf8')
  const lines = text.trimEnd().split('\n')
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** The process ids that npm started, from the kernel's own table. */
async function descendants(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const children = text.split(' ').filter(Boolean).map(Number)
  return [...children, ...(await Promise.all(children.map(descendants))).flat()]
}

async function areGone(pids: number[]): Promise<boolean> {
  const alive = await Promise.all(
    pids.map((pid) =>
      stat(`/proc/${pid}`).then(
        () => true,
        () => false,
      ),
    ),
  )
  return !alive.includes(true)
}

async function keyProviders(env: Record<string, string>): Promise<number> {
  const answer = await fetch(`${env.KEYHOLD_URL}/api/v1/encryption/keyproviders`, {
    headers: { authorization: `Bearer ${env.KEYHOLD_TOKEN}` },
  })
  return answer.status
}

test('it gets ready with a complete dev.env', async () => {
  const env = await devEnv()
  expect(Object.keys(env)).toEqual([
    'KEYHOLD_URL',
    'KEYHOLD_TOKEN',
    'KEYHOLD_SERVICE_TOKEN',
    'KEYHOLD_OPERATOR_TOKEN',
    'KEYHOLD_TENANT_ID',
    'KMS_KEY_ARN',
    'KMS_KEY_ARN_2',
    'AWS_ENDPOINT_URL_KMS',
    'AWS_REGION',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
  ])
  expect((await stat(path.join(dataDir, 'dev.env'))).mode & 0o777).toBe(0o600)
  expect(await keyProviders(env)).toBe(200)
})

slowTest('after kill -9 the next start just works, with the same tenant and tokens', async () => {
  const before = await devEnv()
  const [server] = await descendants(npm.pid ?? 0)
  process.kill(server ?? 0, 'SIGKILL')
  await once(npm, 'exit')

  npm = await npmStart()
  const after = await devEnv()
  expect(after).toEqual(before)
  expect(await keyProviders(after)).toBe(200)
})

// `npm run check:slow` tries both.
const signals: NodeJS.Signals[] = process.env.SLOW === '1' ? ['SIGINT', 'SIGTERM'] : ['SIGTERM']

test.each(signals)('%s to npm alone ends everything within ten seconds', async (signal) => {
  if (npm.exitCode !== null || npm.signalCode !== null) npm = await npmStart()
  const pids = await descendants(npm.pid ?? 0)
  expect(pids.length).toBeGreaterThan(1)
  npm.kill(signal)
  await once(npm, 'exit')
  await expect.poll(() => areGone(pids), { timeout: 10_000 }).toBe(true)
})
