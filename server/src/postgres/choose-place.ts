// Decides as whom PostgreSQL runs and where its cluster and its programs lie. Only root has a choice to make:
// PostgreSQL refuses root, and the account that stands in for it must reach both. In this order:
// 1. the account that owns the cluster already; 2. a user namespace, which changes nothing on disk;
// 3. another user, first in the data directory, then, where that is shut, in a folder made for the purpose.

import { chmod, chown, lchown, mkdtemp, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KeyholdError } from '@keyhold/core/errors'
import type { Account } from './account.ts'
import { copyBinaries, makeSharedDir } from './copy-binaries.ts'
import { embeddedPostgresError } from './embedded-postgres-error.ts'
import { findUnprivilegedUser } from './find-unprivileged-user.ts'
import { probe } from './probe-account.ts'

/** What is known before the choice. */
export interface PlaceOptions {
  /** Absolute and without symbolic links. */
  dataDir: string
  /** The cluster, where it exists already, without symbolic links. */
  cluster: string | undefined
  binaries: string
  /** For root: how to avoid being root. Without it whatever works, a namespace first. */
  rootStrategy: 'namespace' | 'user' | undefined
  /** For root: where cluster and programs go when another user cannot reach them. Not a temporary folder. */
  sharedDir: string
  log: (line: string) => void
}

/** The choice: `parent` is the folder of the cluster, which is made there when it does not exist. */
export interface Place {
  account: Account
  binaries: string
  parent: string
}

/**
 * Chooses, and does what the choice takes: rights on folders, a copy of the programs.
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
    throw noAccount([...reasons, `user ${account.name} cannot be had (${reach.reason})`])
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
      `User ${account.name}, as whom root runs PostgreSQL, cannot reach the cluster ${cluster}.`,
      `Move the data directory to where that user can enter all folders above it.`,
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

// The name is random and found again by the link that the cluster's maker leaves in the data directory: a new
// data directory at an old path can thus never meet another one's cluster.
async function makeParent(options: PlaceOptions, account: Account & { kind: 'user' }): Promise<string> {
  await makeSharedDir(options.sharedDir)
  const parent = await mkdtemp(join(options.sharedDir, 'postgres-'))
  await chown(parent, 0, account.gid)
  await chmod(parent, 0o710)
  options.log(
    `embedded PostgreSQL: user ${account.name} cannot enter ${options.dataDir}, so the database lies in ${parent}: include it in backups`,
  )
  return parent
}

/** Hands root's cluster over. The cluster's own folder comes last, so that a kill in between is made good. */
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
