// The ways of a root that PostgreSQL refuses, and the ordinary user next to it. Only root can play them all:
// run as an ordinary user, the whole folder tests the ordinary case, and these tests are left out.

import { execFile } from 'node:child_process'
import { chmod, chown, cp, mkdir, mkdtemp, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findBinaries } from '../../src/postgres/find-binaries.ts'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../src/postgres/start-embedded-postgres.ts'
import { endChild, postmasterPid, readyConnection, spawnKeyhold, type ChildKeyhold } from './child-keyhold.ts'
import { queryOnce } from '../../../testkit/src/database/query-once.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const settings = { fsync: 'off' }
const otherUid = 65_534

/** Whether another user can run Node and read this repository. */
async function othersCanRead(): Promise<boolean> {
  const probe = run(
    '/bin/sh',
    ['-c', 'test -x "$1" && test -r "$2"', 'sh', process.execPath, import.meta.filename],
    {
      uid: otherUid,
      gid: otherUid,
      cwd: '/',
    },
  )
  return probe.then(
    () => true,
    () => false,
  )
}

/** Whether this system allows root a user namespace; many containers do not. */
async function namespacesAllowed(): Promise<boolean> {
  return run('unshare', ['-U', '-r', '--', 'true']).then(
    () => true,
    () => false,
  )
}

const hasNamespaces = isRoot && (await namespacesAllowed())
const othersRead = isRoot && (await othersCanRead())

let root: string
let shut: string
let sharedDir: string
let shutBinaries: string
const running: EmbeddedPostgres[] = []
const keyholds: ChildKeyhold[] = []

async function start(
  options: Partial<EmbeddedPostgresOptions> & { dataDir: string },
  lines: string[] = [],
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({
    settings,
    sharedDir,
    log: (line) => lines.push(line),
    ...options,
  })
  running.push(postgres)
  return postgres
}

async function keepRow(postgres: EmbeddedPostgres): Promise<void> {
  await queryOnce(postgres.connection, 'CREATE TABLE public.kept AS SELECT 42 AS value')
}

async function keptRows(postgres: EmbeddedPostgres): Promise<unknown> {
  return queryOnce(postgres.connection, 'SELECT value FROM public.kept')
}

async function ownerOf(path: string): Promise<number> {
  return (await stat(path)).uid
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-root-'))
  await chmod(root, 0o755)
  shut = join(root, 'as-the-home-of-root')
  sharedDir = join(root, 'shared')
  await mkdir(shut, { mode: 0o700 })
  // The programs as npm leaves them in a clone in root's home: links stay links.
  shutBinaries = join(shut, 'node_modules', 'native')
  await mkdir(dirname(shutBinaries))
  await cp(findBinaries(), shutBinaries, { recursive: true, verbatimSymlinks: true })
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((postgres) => postgres.stop()))
  await Promise.all(keyholds.splice(0).map((each) => endChild(each, 'SIGTERM')))
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

describe.runIf(isRoot)('root, with data and programs where only root may enter', () => {
  test.runIf(hasNamespaces)(
    'uses a user namespace: the server is not root inside, and files stay in place',
    async () => {
      const dataDir = join(shut, 'namespace')
      const postgres = await start({ dataDir, binaries: shutBinaries, rootStrategy: 'namespace' })
      await keepRow(postgres)
      const pid = await postmasterPid(dataDir)
      expect(await readlink(`/proc/${pid}/ns/user`)).not.toBe(await readlink('/proc/self/ns/user'))
      expect(await ownerOf(join(dataDir, 'postgres'))).toBe(0)
      await postgres.stop()
      expect(await keptRows(await start({ dataDir, binaries: shutBinaries }))).toEqual([{ value: 42 }])
    },
  )

  test('or puts both where another user reaches them, says so, and finds them again', async () => {
    const dataDir = join(shut, 'moved')
    const lines: string[] = []
    const postgres = await start({ dataDir, binaries: shutBinaries, rootStrategy: 'user' }, lines)
    await keepRow(postgres)
    const cluster = await readlink(join(dataDir, 'postgres'))
    expect(dirname(dirname(cluster))).toBe(sharedDir)
    expect(lines.join('\n')).toContain(dirname(cluster))
    expect(await ownerOf(cluster)).not.toBe(0)
    // The folders in which root acts belong to root: the other user may only pass through.
    expect((await stat(dirname(cluster))).mode & 0o777).toBe(0o710)
    expect(await ownerOf(dirname(cluster))).toBe(0)
    expect((await stat(cluster)).mode & 0o777).toBe(0o700)
    expect(await ownerOf(`/proc/${await postmasterPid(dataDir)}`)).toBe(await ownerOf(cluster))
    await postgres.stop()
    // Without being told again: whoever owns the cluster runs it.
    expect(await keptRows(await start({ dataDir, binaries: shutBinaries }))).toEqual([{ value: 42 }])
  })

  test.runIf(hasNamespaces)(
    'never lets another user in to a cluster that lies there already, and says what to do',
    async () => {
      const dataDir = join(shut, 'was-namespace')
      await (await start({ dataDir, binaries: shutBinaries })).stop()
      const refused = start({ dataDir, binaries: shutBinaries, rootStrategy: 'user' })
      await expect(refused).rejects.toThrow(
        /cannot reach the cluster.*Move the data directory.*KEYHOLD_DATABASE_URL/,
      )
      expect(await ownerOf(join(dataDir, 'postgres'))).toBe(0)
    },
  )
})

describe.runIf(isRoot)('root, with data where others may enter', () => {
  test('keeps the cluster in the data directory, through which the other user may only pass', async () => {
    const dataDir = join(root, 'volume', 'keyhold')
    const postgres = await start({ dataDir, rootStrategy: 'user' })
    await keepRow(postgres)
    expect((await stat(dataDir)).mode & 0o777).toBe(0o710)
    expect(await ownerOf(dataDir)).toBe(0)
    expect(await ownerOf(join(dataDir, 'postgres'))).not.toBe(0)
    await postgres.stop()
    // Keyhold may shut its data directory at each start.
    await chmod(dataDir, 0o700)
    expect(await keptRows(await start({ dataDir }))).toEqual([{ value: 42 }])
  })

  test.runIf(hasNamespaces)(
    'hands a cluster of its own over when user namespaces are no longer to be had',
    async () => {
      const dataDir = join(root, 'handed-over')
      const postgres = await start({ dataDir })
      await keepRow(postgres)
      await postgres.stop()
      expect(await keptRows(await start({ dataDir, rootStrategy: 'user' }))).toEqual([{ value: 42 }])
      expect(await ownerOf(join(dataDir, 'postgres', 'base'))).not.toBe(0)
    },
  )

  test('runs as the owner of a data directory that is not its own', async () => {
    // A namespace does not help here: inside it root has no right to somebody else's folder.
    const dataDir = join(root, 'somebodys')
    await mkdir(dataDir, { mode: 0o700 })
    await chown(dataDir, otherUid, otherUid)
    const forced = start({ dataDir, rootStrategy: 'namespace' })
    await expect(forced).rejects.toThrow(/does not run as root.*does not reach.*ordinary user/)
    await start({ dataDir })
    expect(await ownerOf(join(dataDir, 'postgres'))).toBe(otherUid)
  })

  test('refuses a shared folder that somebody else could change', async () => {
    const open = join(root, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    const refused = start({ dataDir: join(shut, 'open'), rootStrategy: 'user', sharedDir: open })
    await expect(refused).rejects.toThrow(/must belong to root/)
  })
})

test.runIf(hasNamespaces)('a root without any other account is told why and what to do', async () => {
  // Root in a namespace of one single user, in which no further namespace is allowed.
  const script = join(import.meta.dirname, 'start-in-child.ts')
  const options = JSON.stringify({ dataDir: join(root, 'nobody-else'), settings })
  const { stdout } = await run('unshare', [
    ...['-U', '-r', '--', '/bin/sh', '-c'],
    'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$@"',
    ...[process.execPath, script, options],
  ])
  expect(stdout).toContain('ERR_EMBEDDED_POSTGRES')
  expect(stdout).toMatch(/no user namespace.*cannot be used.*ordinary user.*KEYHOLD_DATABASE_URL/)
})

describe.runIf(othersRead)('an ordinary user', () => {
  test('starts, is found again after a kill, and owns all files', async () => {
    const home = join(root, 'home')
    await mkdir(home, { mode: 0o700 })
    await chown(home, otherUid, otherUid)
    const dataDir = join(home, '.keyhold')
    const first = spawnKeyhold({ dataDir, settings }, otherUid)
    keyholds.push(first)
    await queryOnce(await readyConnection(first), 'CREATE TABLE public.kept AS SELECT 42 AS value')
    expect(await ownerOf(join(dataDir, 'postgres'))).toBe(otherUid)
    await endChild(first, 'SIGKILL')
    const second = spawnKeyhold({ dataDir, settings }, otherUid)
    keyholds.push(second)
    expect(await queryOnce(await readyConnection(second), 'SELECT value FROM public.kept')).toEqual([
      { value: 42 },
    ])
  })

  test('is told when root has made the cluster', async () => {
    const dataDir = join(root, 'made-by-root')
    await (await start({ dataDir })).stop()
    await chmod(dataDir, 0o777)
    await rm(join(dataDir, 'keyhold.lock'))
    const keyhold = spawnKeyhold({ dataDir, settings }, otherUid)
    keyholds.push(keyhold)
    const { refused } = await keyhold.answer
    expect(refused?.code).toBe('ERR_EMBEDDED_POSTGRES')
    expect(refused?.message).toMatch(/permission denied.*run it as that user/)
  })

  test('is told when the data directory is not theirs to write', async () => {
    const dataDir = join(root, 'of-root')
    await mkdir(dataDir, { mode: 0o755 })
    const keyhold = spawnKeyhold({ dataDir, settings }, otherUid)
    keyholds.push(keyhold)
    const { refused } = await keyhold.answer
    expect(refused?.code).toBe('ERR_CONFIG_INVALID')
    expect(refused?.message).toContain(dataDir)
  })
})
