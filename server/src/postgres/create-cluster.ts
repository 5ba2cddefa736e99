// Makes the database cluster: initdb works in a folder of its own, and only a complete cluster gets its name.
// A kill in the middle leaves a folder that the next start removes, never a half-made cluster.

import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { giveTo, type Account } from './account.ts'
import { embeddedPostgresError, reasonOf } from './embedded-postgres-error.ts'
import { runProgram } from './run-program.ts'
import { syncFolder } from './sync-folder.ts'

const workshopPrefix = 'postgres-unfinished-'

/** A cluster that does not exist yet. */
export interface NewCluster {
  account: Account
  /** Folder with PostgreSQL's `bin`. */
  binaries: string
  /** The path of the cluster. Its parent exists, and the account can reach it. */
  path: string
  /** Name and password of the only role. */
  user: string
  password: string
  /** False only for clusters whose loss does not matter, such as a test's. */
  sync: boolean
}

/**
 * Makes a cluster with data checksums, UTF-8 and SCRAM. It is complete and on disk when this returns.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES that quotes initdb.
 */
export async function createCluster(cluster: NewCluster): Promise<void> {
  const parent = dirname(cluster.path)
  await removeUnfinished(parent)
  const workshop = await mkdtemp(join(parent, workshopPrefix))
  try {
    await runInitdb(cluster, workshop)
    await rename(join(workshop, 'cluster'), cluster.path)
    await syncFolder(parent)
  } catch (error) {
    throw embeddedPostgresError(
      `The database cluster ${cluster.path} could not be made: ${reasonOf(error)}.`,
      'Correct this and start again: nothing was left half-made.',
      error,
    )
  } finally {
    await rm(workshop, { recursive: true, force: true }).catch(() => undefined)
  }
}

async function runInitdb(cluster: NewCluster, workshop: string): Promise<void> {
  // initdb may run as another user, who cannot read Keyhold's own password file.
  const passwordFile = join(workshop, 'password')
  await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600 })
  await giveTo(cluster.account, passwordFile)
  await giveTo(cluster.account, workshop)
  const { status, output } = await runProgram(cluster.account, join(cluster.binaries, 'bin', 'initdb'), [
    `--pgdata=${join(workshop, 'cluster')}`,
    `--username=${cluster.user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // These rules of order and case are built into PostgreSQL: no update of the system's libraries changes them.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--no-instructions',
    ...(cluster.sync ? [] : ['--no-sync']),
  ])
  if (status !== 0) throw new Error(`initdb ended with ${status}: ${whatWentWrong(output)}`)
}

// initdb reports its progress first; the reason comes after the step that failed.
function whatWentWrong(output: string): string {
  const lines = output.split('\n')
  const first = lines.findIndex((line) => /initdb: |FATAL|PANIC|error:|unshare/.test(line))
  return lines.slice(first === -1 ? -5 : first).join(' ')
}

async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(workshopPrefix)) continue
    // An initdb that outlived its Keyhold may still be writing there. The next start removes the rest.
    await rm(join(parent, name), { recursive: true, force: true, maxRetries: 2 }).catch(() => undefined)
  }
}
