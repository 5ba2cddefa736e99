// The embedded PostgreSQL after kills: of Keyhold, of the server, of both, at the first start or later.

import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/postgres/start-embedded-postgres.ts'
import {
  endChild,
  eventually,
  findWatchdog,
  isAlive,
  postmasterPid,
  readyConnection,
  spawnKeyhold,
  type ChildKeyhold,
} from './child-keyhold.ts'
import { queryOnce } from '../../../testkit/src/database/query-once.ts'
import { warmDataDir } from '../../../testkit/src/database/warm-start.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const settings = { fsync: 'off' }

let root: string
const keyholds: ChildKeyhold[] = []
const running: EmbeddedPostgres[] = []

function keyhold(dataDir: string): ChildKeyhold {
  const started = spawnKeyhold({ dataDir, settings })
  keyholds.push(started)
  return started
}

async function start(dataDir: string, lines: string[] = []): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, settings, log: (line) => lines.push(line) })
  running.push(postgres)
  return postgres
}

/** A data directory with one row in it: a copy, which takes a fraction of initdb's time. */
async function filledDataDir(name: string): Promise<string> {
  const dataDir = join(root, name)
  await cp(join(root, 'template'), dataDir, { recursive: true })
  return dataDir
}

/** A data directory with one row in it, in use by a Keyhold that can be killed. */
async function usedDataDir(name: string): Promise<{ dataDir: string; user: ChildKeyhold }> {
  const dataDir = await filledDataDir(name)
  const user = keyhold(dataDir)
  await readyConnection(user)
  return { dataDir, user }
}

async function keptRows(postgres: EmbeddedPostgres): Promise<unknown> {
  return queryOnce(postgres.connection, 'SELECT value FROM public.kept')
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-recovery-'))
  await warmDataDir(join(root, 'template'))
  const postgres = await start(join(root, 'template'))
  await queryOnce(postgres.connection, 'CREATE TABLE public.kept AS SELECT 42 AS value')
  await postgres.stop()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((postgres) => postgres.stop()))
  await Promise.all(keyholds.splice(0).map((each) => endChild(each, 'SIGTERM')))
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

slowTest('an orphaned server is stopped by the next start, which finds all rows', async () => {
  const { dataDir, user } = await usedDataDir('orphan')
  const orphan = await postmasterPid(dataDir)
  process.kill(await findWatchdog(user.pid), 'SIGKILL')
  await endChild(user, 'SIGKILL')
  expect(await isAlive(orphan)).toBe(true)
  const lines: string[] = []
  const postgres = await start(dataDir, lines)
  expect(lines[0]).toContain('an earlier one still runs')
  expect(await isAlive(orphan)).toBe(false)
  expect(await keptRows(postgres)).toEqual([{ value: 42 }])
})

test('a server whose Keyhold was killed stops by itself', async () => {
  const { dataDir, user } = await usedDataDir('watched')
  const orphan = await postmasterPid(dataDir)
  await endChild(user, 'SIGKILL')
  await eventually(async () => !(await isAlive(orphan)))
})

slowTest('a start at once after a kill of Keyhold alone just works', async () => {
  const { dataDir, user } = await usedDataDir('at-once')
  await endChild(user, 'SIGKILL')
  expect(await keptRows(await start(dataDir))).toEqual([{ value: 42 }])
})

test('a start at once after a kill of Keyhold and server just works', async () => {
  const { dataDir, user } = await usedDataDir('both')
  process.kill(await postmasterPid(dataDir), 'SIGKILL')
  await endChild(user, 'SIGKILL')
  expect(await keptRows(await start(dataDir))).toEqual([{ value: 42 }])
})

test('a kill at any moment of the first start leaves nothing that blocks the next one', async () => {
  const dataDir = join(root, 'first')
  for (const trace of ['postgres-unfinished-', 'postgres-socket']) {
    const killed = keyhold(dataDir)
    await eventually(async () =>
      (await readdir(dataDir).catch(() => [])).some((name) => name.startsWith(trace)),
    )
    await endChild(killed, 'SIGKILL')
  }
  const postgres = await start(dataDir)
  expect(await queryOnce(postgres.connection, 'SELECT current_database()')).toEqual([
    { current_database: 'keyhold' },
  ])
})

slowTest('processes that are not the server are left alone, whatever their pid and folder', async () => {
  const dataDir = await filledDataDir('strangers')
  const cluster = join(dataDir, 'postgres')
  const bystander = spawn('sleep', ['60'], { cwd: cluster, stdio: 'ignore' })
  // As after a restart of the machine: the file names a process that has nothing to do with PostgreSQL.
  await writeFile(
    join(cluster, 'postmaster.pid'),
    `${bystander.pid}\n${cluster}\n1\n5432\n\n\n0 0\nready   \n`,
  )
  const postgres = await start(dataDir)
  expect(await queryOnce(postgres.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
  bystander.kill()
})

test('two Keyholds at once: one serves, the other is told the pid and disturbs nothing', async () => {
  const dataDir = await filledDataDir('two')
  const both = [keyhold(dataDir), keyhold(dataDir)]
  const answers = await Promise.all(both.map(({ answer }) => answer))
  const winner = both.find((_, index) => answers[index]?.ready !== undefined)
  const loser = answers.find(({ refused }) => refused !== undefined)
  expect(loser?.refused).toMatchObject({
    code: 'ERR_DATA_DIR_IN_USE',
    details: { pid: String(winner?.pid) },
  })
  const connection = answers.find(({ ready }) => ready !== undefined)?.ready
  expect(connection && (await queryOnce(connection, 'SELECT 1 AS one'))).toEqual([{ one: 1 }])
})

test('a server that dies comes back under the same connection', async () => {
  const dataDir = await filledDataDir('comes-back')
  const lines: string[] = []
  const postgres = await start(dataDir, lines)
  for (const signal of ['SIGKILL', 'SIGQUIT'] as const) {
    const pid = await postmasterPid(dataDir)
    process.kill(pid, signal)
    await eventually(async () => !(await isAlive(pid)))
    await eventually(async () =>
      keptRows(postgres).then(
        () => true,
        () => false,
      ),
    )
    expect(await postmasterPid(dataDir)).not.toBe(pid)
  }
  expect(lines.filter((line) => line.includes('starting it again'))).toHaveLength(2)
  expect(await keptRows(postgres)).toEqual([{ value: 42 }])
})

slowTest('stop wins over a restart that is under way, at whatever point', async () => {
  const dataDir = await filledDataDir('stop-wins')
  for (const delayMs of [0, 110, 130]) {
    const lines: string[] = []
    const postgres = await start(dataDir, lines)
    process.kill(await postmasterPid(dataDir), 'SIGKILL')
    await eventually(() => Promise.resolve(lines.some((line) => line.includes('starting it again'))))
    await sleep(delayMs)
    await postgres.stop()
    await sleep(150)
    expect(await isAlive(await postmasterPid(dataDir).catch(() => 0))).toBe(false)
  }
})

slowTest("a terminal's Ctrl-C does not reach the server: Keyhold decides when it ends", async () => {
  const { dataDir, user } = await usedDataDir('terminal')
  const server = await postmasterPid(dataDir)
  const sessions = await Promise.all([user.pid, server, await findWatchdog(user.pid)].map(sessionOf))
  expect(new Set(sessions).size).toBe(3)
  await endChild(user, 'SIGTERM')
  expect(await isAlive(server)).toBe(false)
})

async function sessionOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[3]
}
