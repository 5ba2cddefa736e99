// The command `keyhold-server` as an operator meets it: what it prints, how it ends. Some of it in processes of its own.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { queryOnce } from '../../../testkit/src/database/query-once.ts'
import { databaseUrl, type TestConnection } from '../../../testkit/src/database/test-database.ts'
import {
  serveInProcess,
  serverCommand,
  type ServedProcess,
} from '../../../testkit/src/process/serve-in-process.ts'
import { runCommand, type Served } from '../../src/run-command.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let folder: string
let dataDir: string
/** On a PostgreSQL of its own, as a process. */
let first: ServedProcess
let url: string
const servers: Served[] = []

type Environment = Record<string, string>

function environmentWith(more: Environment): Environment {
  return { PATH: process.env.PATH ?? '', KEYHOLD_PORT: '0', KEYHOLD_LOG_LEVEL: 'silent', ...more }
}

interface Run {
  exitCode: number | undefined
  stdout: string
  stderr: string
}

/** Runs the command to its end, as a process. */
async function runProcess(args: string[], environment: Environment = {}): Promise<Run> {
  return new Promise((resolve) => {
    const { NODE_COMPILE_CACHE = '' } = process.env
    const env = { NODE_COMPILE_CACHE, ...environmentWith(environment) }
    const options = { env, cwd: folder, timeout: 30_000 }
    const child = execFile(process.execPath, [serverCommand, ...args], options, (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

/** Runs the command in this process. */
async function run(args: string[], environment: Environment = {}): Promise<Run> {
  const [stdout, stderr]: string[][] = [[], []]
  const exitCode = await runCommand(args, {
    environment: environmentWith(environment),
    stdout: (text) => stdout?.push(text),
    stderr: (text) => stderr?.push(text),
    onServing: (server) => servers.push(server),
  })
  return { exitCode, stdout: stdout?.join('') ?? '', stderr: stderr?.join('') ?? '' }
}

/** Starts `serve` in this process, and answers the server once its URL is printed. */
async function serve(environment: Environment): Promise<Served> {
  const { exitCode, stderr } = await run(['serve'], environment)
  const server = servers.at(-1)
  expect([exitCode, stderr]).toEqual([undefined, `Keyhold listens on ${server?.url}\n${server?.uses}\n`])
  if (server === undefined) throw new Error('no server')
  return server
}

async function listTenants(at: string, token: string): Promise<number> {
  const answer = await fetch(`${at}/api/v1/tenants`, {
    headers: { authorization: `Bearer ${token.trim()}` },
  })
  return answer.status
}

function expectOneLine(text: string, ...parts: string[]): void {
  expect(text.trimEnd().split('\n')).toHaveLength(1)
  for (const part of ['keyhold-server: ', ...parts]) expect(text).toContain(part)
}

async function embeddedConnection(): Promise<TestConnection> {
  const file = path.join(dataDir, 'postgres-connection.json')
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
  return JSON.parse(await readFile(file, 'utf8')) as TestConnection
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-command-'))
  dataDir = path.join(folder, 'data')
  expect((await run(['root-key', 'create'], { KEYHOLD_DATA_DIR: dataDir })).exitCode).toBe(0)
  first = serveInProcess({ environment: environmentWith({ KEYHOLD_DATA_DIR: dataDir }) })
  url = await first.listening
})
afterAll(async () => {
  first.kill('SIGTERM')
  await first.ended
  await rm(folder, { recursive: true, force: true })
})

test('an operator’s key is made beside the running server, printed once, and works', async () => {
  const args = ['create-operator-key', '--name', 'me']
  const { exitCode, stdout, stderr } = await runProcess(args, { KEYHOLD_DATA_DIR: dataDir })
  expect([exitCode, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^\S+\n$/)
  expect(await listTenants(url, stdout)).toBe(200)
})

slowTest('and in a database of the operator’s own, whether a server runs on it or not', async () => {
  const embedded = await embeddedConnection()
  await queryOnce(embedded, 'create database of_my_own')
  const environment = {
    KEYHOLD_DATA_DIR: path.join(folder, 'own'),
    KEYHOLD_DATABASE_URL: databaseUrl({ ...embedded, database: 'of_my_own' }),
  }
  const tooEarly = await run(['create-operator-key'], environment)
  expect(tooEarly.exitCode).toBe(1)
  expectOneLine(tooEarly.stderr, 'keyhold-server serve')

  expect(await run(['root-key', 'create'], environment)).toMatchObject({
    exitCode: 0,
    stdout: `${path.join(folder, 'own', 'root-key')}\n`,
  })
  const own = await serve(environment)
  const elsewhere = { ...environment, KEYHOLD_DATA_DIR: path.join(folder, 'without-root-key') }
  const sealed = await run(['create-operator-key'], elsewhere)
  expect([sealed.exitCode, sealed.stdout]).toEqual([1, ''])
  expectOneLine(sealed.stderr, 'ERR_SEALED', elsewhere.KEYHOLD_DATA_DIR)
  const beside = await run(['create-operator-key'], environment)
  expect(await listTenants(own.url, beside.stdout)).toBe(200)
  expect(await listTenants(url, beside.stdout)).toBe(401)
  await own.stop()

  const without = await run(['create-operator-key', '--expires-in', 'none'], environment)
  expect(without.exitCode).toBe(0)
  for (const wrong of ['0', 'never', '9999', '1.5'])
    expect((await run(['create-operator-key', '--expires-in', wrong], environment)).exitCode, wrong).toBe(2)
  expect(await run(['unused-api-keys', '--days', '1'], environment)).toMatchObject({
    exitCode: 0,
    stdout: '',
  })
  const again = await serve(environment)
  expect(await listTenants(again.url, without.stdout)).toBe(200)
  await again.stop()
})

test('a second server on the same data directory is refused in one line', async () => {
  const { exitCode, stderr } = await run(['serve'], { KEYHOLD_DATA_DIR: dataDir })
  expect(exitCode).toBe(1)
  expectOneLine(stderr, 'ERR_DATA_DIR_IN_USE', dataDir)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
})

test('a damaged root key, a port in use and a database that is away each end the start in one line', async () => {
  const embedded = await embeddedConnection()
  await queryOnce(embedded, 'create database for_failures')
  const environment = {
    KEYHOLD_DATA_DIR: path.join(folder, 'failing'),
    KEYHOLD_DATABASE_URL: databaseUrl({ ...embedded, database: 'for_failures' }),
  }
  const without = await run(['serve'], environment)
  expect(without.exitCode).toBe(2)
  expectOneLine(without.stderr, 'ERR_CONFIG_INVALID', 'keyhold-server root-key create')
  await run(['root-key', 'create'], environment)
  const inTheWay = path.join(folder, 'file')
  await writeFile(inTheWay, '')
  const noFolder = await run(['serve'], { ...environment, KEYHOLD_DATA_DIR: inTheWay })
  expect(noFolder.exitCode).toBe(2)
  expectOneLine(noFolder.stderr, inTheWay, 'of KEYHOLD_DATA_DIR', 'a file has its name')
  const inUse = await run(['serve'], { ...environment, KEYHOLD_PORT: new URL(url).port })
  expect(inUse.exitCode).toBe(1)
  expectOneLine(inUse.stderr, 'EADDRINUSE', 'KEYHOLD_PORT')

  await writeFile(path.join(environment.KEYHOLD_DATA_DIR, 'root-key'), 'damaged')
  const damaged = await run(['serve'], environment)
  expect(damaged.exitCode).toBe(1)
  expectOneLine(damaged.stderr, 'ERR_ROOT_KEY_INVALID')

  const away = await run(['serve'], {
    ...environment,
    KEYHOLD_DATABASE_URL: 'postgres://keyhold:s3cret@127.0.0.1:1/keyhold',
  })
  expect(away.exitCode).toBe(1)
  expectOneLine(away.stderr, 'ERR_DATABASE_UNAVAILABLE')
  expect(away.stderr).not.toContain('s3cret')
})

test('a root key is made where KEYHOLD_ROOT_KEY_FILE says, and never over a file', async () => {
  const file = path.join(folder, 'elsewhere', 'key')
  const environment = { KEYHOLD_DATA_DIR: path.join(folder, 'unused'), KEYHOLD_ROOT_KEY_FILE: file }
  const made = await run(['root-key', 'create'], environment)
  expect([made.exitCode, made.stdout]).toEqual([0, `${file}\n`])
  const text = await readFile(file, 'utf8')
  const [, id = '', key = ''] = /^current (\w+) (\w+)$/m.exec(text) ?? []
  expect(made.stderr).toContain(id)
  expect(made.stderr).not.toContain(key)
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')

  const again = await run(['root-key', 'create'], environment)
  expect(again.exitCode).toBe(2)
  expectOneLine(again.stderr, file, 'ERR_CONFIG_INVALID')
  expect(await readFile(file, 'utf8')).toBe(text)
  expect(await readdir(path.dirname(file))).toEqual(['key'])
})

test('settings and arguments that are wrong end it with 2', async () => {
  const setting = await runProcess(['serve'], { KEYHOLD_PORT: 'eighty' })
  expect(setting.exitCode).toBe(2)
  expectOneLine(setting.stderr, 'KEYHOLD_PORT', 'ERR_CONFIG_INVALID')
  for (const args of [[], ['start'], ['serve', 'twice'], ['--unknown']]) {
    const { exitCode, stdout, stderr } = await run(args)
    expect([exitCode, stdout], args.join(' ')).toEqual([2, ''])
    expect(stderr).toContain('Usage: keyhold-server <command>')
  }
  expect(await run(['--help'])).toMatchObject({ exitCode: 0, stderr: '' })
})

test('SIGTERM ends the server with 0', async () => {
  first.kill('SIGTERM')
  expect(await first.ended).toBe(0)
})

test('dev is refused where the environment says that this is production', async () => {
  const { exitCode, stderr } = await run(['dev'], { NODE_ENV: 'production' })
  expect(exitCode).toBe(2)
  expectOneLine(stderr, 'ERR_CONFIG_INVALID', 'keyhold-server serve')
})
