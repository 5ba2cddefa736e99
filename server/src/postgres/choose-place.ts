// Decides under which account PostgreSQL runs, and where its cluster and its programs are. Only root has a choice:
// PostgreSQL refuses root, and the other account must reach both. The order is:
// 1. the account that owns the cluster already; 2. a user namespace, which changes nothing on disk;
// 3. another user, first in the data directory, then, if the user cannot enter it, in a folder made for the purpose.

import { chmod, chown, lchown, mkdtemp, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KeyholdError } from '@keyhold/core/errors'
import type { Account } from './account.ts'
import { copyBinaries, makeSharedDir } from './copy-binaries.ts'
import { embeddedPostgresError } from './embedded-postgres-error.ts'
import { findUnprivilegedUser } from './find-unprivileged-user.ts'
import { probe } from './probe-account.ts'

/** The facts on which the choice depends. */
export interface PlaceOptions {
  /** Absolute and without symbolic links. */
  dataDir: string
  /** The path of the cluster without symbolic links. Undefined: there is none yet. */
  cluster: string | undefined
  binaries: string
  /** For root: how to avoid being root. Undefined: whatever works, a namespace first. */
  rootStrategy: 'namespace' | 'user' | undefined
  /** For root: the folder for cluster and programs that another user cannot reach otherwise. Not a temporary one. */
  sharedDir: string
  log: (line: string) => void
}

/** The choice. `parent` is the folder of the cluster, and a new cluster is made in it. */
export interface Place {
  account: Account
  binaries: string
  parent: string
}

/**
 * Chooses, and does what the choice needs: rights on folders, a copy of the programs.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES when root finds no way.
 */
export async function choosePlace(options: PlaceOptions): Promise<Place> {
  const { binaries, dataDir, cluster } = options
  const parent = cluster === undefined ? dataDir : dirname(cluster)
  if (process.getuid?.() !== 0) return { account: { kind: 'self' }, binaries, parent }

  const owner = cluster === undefined ? undefined : await stat(cluster)
  const reasons: string[] = []
  if (options.rootStrategy !== 'user' && (owner === undefined || owner.uid === 0)) {
    const account: Account = { kind: 'namespace' }
    const reach = await probe(account, binaries, cluster ?? dataDir)
    if (reach.works && reach.binaries && reach.data) return { account, binaries, parent }
    reasons.push(
      reach.works ? 'a user namespace does not reach the files' : `no user namespace (${reach.reason})`,
    )
  }
  if (options.rootStrategy !== 'namespace') {
    const account = await findUnprivilegedUser(owner ?? (await stat(dataDir)))
    if (account !== undefined) return asUser(options, account, parent, reasons)
    reasons.push('there is no user postgres or nobody')
  }
  throw noAccount(reasons)
}

function noAccount(reasons: readonly string[]): KeyholdError {
  return embeddedPostgresError(
    `PostgreSQL does not run as root, and root found no other account for it: ${reasons.join('; ')}.`,
    'Run Keyhold as an ordinary user.',
  )
}

async function asUser(
  options: PlaceOptions,
  account: Account & { kind: 'user' },
  parent: string,
  reasons: readonly string[],
): Promise<Place> {
  const { dataDir, cluster, log } = options
  let reach = await probe(account, options.binaries, parent)
  if (!reach.works) {
    throw noAccount([...reasons, `user ${account.name} cannot be used (${reach.reason})`])
  }
  const binaries = reach.binaries
    ? options.binaries
    : await copyBinaries(options.binaries, options.sharedDir, log)
  if (!reach.data && parent === dataDir && (await probe(account, binaries, dirname(dataDir))).data) {
    await letThrough(dataDir, account, log)
    reach = await probe(account, binaries, parent)
  }
  if (!reach.data && cluster !== undefined) {
    throw embeddedPostgresError(
      `Root runs PostgreSQL as user ${account.name}, who cannot reach the cluster ${cluster}.`,
      'Move the data directory to a place where that user can enter all folders above it.',
    )
  }
  if (!reach.data) return { account, binaries, parent: await makeParent(options, account) }
  if (cluster !== undefined && (await stat(cluster)).uid !== account.uid) await giveAll(cluster, account, log)
  return { account, binaries, parent }
}

/** Lets the user pass through the data directory: not list it, and no other file in it opens. */
async function letThrough(
  dataDir: string,
  account: Account & { kind: 'user' },
  log: (line: string) => void,
): Promise<void> {
  const { uid } = await stat(dataDir)
  await chown(dataDir, uid, account.gid)
  await chmod(dataDir, 0o710)
  log(`embedded PostgreSQL: user ${account.name} may pass through ${dataDir} (mode 0710)`)
}

// The name is random. Keyhold finds it again by a link in the data directory, so a new data directory at an old path
// never meets the cluster of another one.
async function makeParent(options: PlaceOptions, account: Account & { kind: 'user' }): Promise<string> {
  await makeSharedDir(options.sharedDir)
  const parent = await mkdtemp(join(options.sharedDir, 'postgres-'))
  await chown(parent, 0, account.gid)
  await chmod(parent, 0o710)
  options.log(
    `embedded PostgreSQL: user ${account.name} cannot enter ${options.dataDir}, so the database is in ${parent}: include it in backups`,
  )
  return parent
}

/** Hands root's cluster over. The cluster's own folder comes last: after a kill in between the next start does it again. */
async function giveAll(
  cluster: string,
  account: Account & { kind: 'user' },
  log: (line: string) => void,
): Promise<void> {
  log(`embedded PostgreSQL: root's cluster ${cluster} now belongs to user ${account.name}`)
  for (const entry of await readdir(cluster, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), account.uid, account.gid)
  }
  await lchown(cluster, account.uid, account.gid)
}
