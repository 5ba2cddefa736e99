// Test servers begin with this: compiled modules, a PostgreSQL with templates of databases, and a data directory for
// those that run a PostgreSQL of their own. Making a cluster and all tables takes two seconds of a processor; it is done
// once for a run of the tests, in the background.
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'

const variable = 'KEYHOLD_TEST_WARM_FOLDER'
const run = promisify(execFile)

/** The database with Keyhold's tables and nothing in them. */
export const schemaTemplate = 'keyhold_schema'
/** The database as a first start of the server leaves it. Its root key lies in the warm data directory. */
export const startedTemplate = 'keyhold'

/** For vitest, of each project that needs it: begins before the tests, and answers what is to be done after them. */
export async function setup(): Promise<() => Promise<void>> {
  // Another project of the same run has begun it.
  if (process.env[variable] !== undefined) return () => Promise.resolve()
  // The workers, which are begun later, inherit both variables. Everything that a test puts into a temporary folder goes
  // with this one.
  const temporary = await mkdtemp(path.join(await quickFolder(), 'keyhold-'))
  // Tests of PostgreSQL as another user pass through it.
  await chmod(temporary, 0o711)
  process.env.TMPDIR = temporary
  const folder = path.join(temporary, 'warm')
  const postgresFolder = path.join(temporary, 'postgres')
  await Promise.all([mkdir(folder), mkdir(postgresFolder, { mode: 0o700 })])
  process.env[variable] = folder
  // Half of what starting a process costs is reading its modules. Not for production: who can write there runs code.
  process.env.NODE_COMPILE_CACHE = path.join(folder, 'compiled')
  const program = path.join(import.meta.dirname, 'serve-test-postgres.ts')
  const child = fork(program, [folder, postgresFolder], { execArgv: [] })
  const ended = once(child, 'exit')
  return async () => {
    if (child.connected) child.disconnect()
    await ended
    // Workers that end just now may still write what they have compiled.
    const options = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }
    await rm(temporary, options)
  }
}

/**
 * In memory where there is room: nothing of a test need survive the machine, but every commit and every file that matters is
 * synced. On a disk a third of the time goes into that.
 */
async function quickFolder(): Promise<string> {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = await statfs(memory)
  return bavail * bsize > 4 * 2 ** 30 ? memory : tmpdir()
}

function warmFolder(): string {
  const folder = process.env[variable]
  if (folder === undefined) throw new Error('the project of this test lacks the global setup warm-start.ts')
  return folder
}

/** Waits until the PostgreSQL of this run is there, and answers the connection to it. */
export async function warmPostgres(): Promise<PostgresConnection> {
  const file = path.join(warmFolder(), 'postgres.json')
  const deadline = performance.now() + 60_000
  while (!existsSync(file)) {
    if (performance.now() > deadline) throw new Error('the PostgreSQL of the tests has not started')
    await setTimeout(25)
  }
  return JSON.parse(readFileSync(file, 'utf8')) as PostgresConnection
}

/** The file with the root key of `startedTemplate`. */
export function warmRootKey(): string {
  return path.join(warmFolder(), 'ready/root-key')
}

/** Copies it to where nothing is yet, if it is ready; a server that finds nothing there makes all of it itself. */
export async function warmDataDir(dataDir: string): Promise<void> {
  const source = path.join(warmFolder(), 'ready')
  // Owners and modes matter to PostgreSQL.
  if (existsSync(source)) await run('cp', ['-a', source, dataDir])
}
