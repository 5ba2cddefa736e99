// The command `confirm-restore`: an operator says that an older database is the one to go on with. It begins with what was decided
// since and keeps something closed, and every row gets a generation that no row of the time before has. It can be cut off and
// repeated at any point: each tenant is one transaction, and what is done is not older any more.
import { KeyholdError } from '@keyhold/core'
import path from 'node:path'
import { otherStateDirs, stateDir } from '../../../settings/state-dir.ts'
import { generationRecordsOf } from '../../../installation/generations/generation-records.ts'
import { generationsFile, keptGenerations } from '../../../installation/generations/kept-generations.ts'
import { refuseLooseFolder } from '../../../installation/state-files.ts'
import { defaultTimings } from '../../../timings.ts'
import type { CommandSettings } from '../command-settings.ts'
import { macRing } from '../../root-key/claimed-root-key.ts'
import { withCommandStore, type CommandStore } from '../adoption/open-command-store.ts'
import { shown } from '../../../driver/shown-text.ts'
import { findOlder, readFolders, type OlderRows } from './find-older.ts'
import { findOlderChains, type OlderChains } from './older-chains.ts'
import { chainLine, installationLine, tenantLine } from './older-lines.ts'
import { putAside, putSigningKeysAside } from './put-aside.ts'
import { restoreInstallation } from './restore-installation.ts'
import { restoreTenants } from './restore-tenants.ts'

export interface ConfirmRestoreOptions {
  /** Receives a line of the report. */
  tell: (line: string) => void
  /** Receives what is said besides. */
  say: (line: string) => void
  confirm: (question: string) => Promise<boolean>
  /** State folders of other replicas, which know what this one does not. */
  from: readonly string[]
  /** For tests: after each step. */
  onStep?: (step: 'confirmed' | 'tenant-restored' | 'installation-restored' | 'kept') => Promise<void>
}

/** The first one is that of this command. */
type Folders = readonly [string, ...string[]]

const nothing = () => Promise.resolve()

/**
 * Answers whether the database is the newest one now.
 *
 * @throws KeyholdError `ERR_RESTORE_BLOCKED`, `ERR_STATE_FILE_INVALID`, `ERR_CONFIG_INVALID`, `ERR_SEALED`,
 * `ERR_ROOT_KEY_INVALID`
 */
export async function confirmRestore(
  settings: CommandSettings,
  options: ConfirmRestoreOptions,
): Promise<boolean> {
  const work = async (parts: CommandStore) => {
    const { store, rootKey } = parts
    if (!rootKey.requiresMacs) {
      throw new KeyholdError('ERR_RESTORE_BLOCKED', {
        message:
          'The root key file does not require MACs yet, and no row is refused: run "keyhold-server integrity adopt".',
      })
    }
    // Those of all replicas of this machine.
    const folders: Folders = [stateDir(settings), ...otherStateDirs(settings)]
    for (const folder of folders) await refuseLooseFolder(folder)
    await refuseRunning(parts)
    const records = await readKnown(folders, options, parts)
    const older = await findOlder(store, records)
    const chains = await findOlderChains(store, folders)
    if (!older.installation.isOlder && older.tenants.length + chains.chains.length === 0) {
      options.say('The database is not older than what is known: there is nothing to confirm.')
      return true
    }
    show(older, chains, options)
    const question =
      'Is this the database to go on with? What is newer elsewhere is given up then, and what is said above counts.'
    if (!(await options.confirm(question))) return false
    await options.onStep?.('confirmed')
    return restoreAll(parts, { older, chains, folders }, options)
  }
  return withCommandStore(settings, work, { refusesOlder: false })
}

/** A replica that has newer rows in memory, or keys that are not in this database, must not go on with it. */
async function refuseRunning({ store }: CommandStore): Promise<void> {
  const live = await store.replicas.listLive(defaultTimings.replicaGoneMs)
  if (live.length === 0) return
  const hosts = live.map(({ id, facts }) => shown(facts?.host ?? id)).join(', ')
  throw new KeyholdError('ERR_RESTORE_BLOCKED', {
    message: `Replicas are running, which hold keys and know rows that this database may not have: ${hosts}. Stop all of them, wait ten seconds, and name the state folder of each with --from.`,
  })
}

async function readKnown(
  folders: Folders,
  { from, say }: Pick<ConfirmRestoreOptions, 'from' | 'say'>,
  { rootKey }: CommandStore,
) {
  const { records, found } = await readFolders([...folders, ...from], rootKey)
  for (const folder of from) {
    if (found.includes(path.join(folder, generationsFile))) continue
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: `There is no file of generations in ${folder}: name the state folder of a replica with --from.`,
    })
  }
  if (found.length === 0)
    say(`Nothing is known of newer rows: there is no file of generations in ${folders[0]}.`)
  else say(`What is known comes from ${found.join(', ')}.`)
  return records
}

function show(older: OlderRows, { chains }: OlderChains, { tell }: ConfirmRestoreOptions): void {
  if (older.installation.isOlder) tell(installationLine(older))
  for (const tenant of older.tenants) tell(tenantLine(tenant))
  for (const chain of chains) tell(chainLine(chain))
}

async function restoreAll(
  { store, rootKey }: CommandStore,
  { older, chains, folders }: { older: OlderRows; chains: OlderChains; folders: Folders },
  options: ConfirmRestoreOptions,
): Promise<boolean> {
  const { tell, say, onStep = nothing } = options
  const restored = await restoreTenants(store, older.tenants, {
    ...{ tell, say },
    onTenant: () => onStep('tenant-restored'),
  })
  const { installationId } = rootKey
  // Before the installation's row: where this is cut off, that is still older the next time.
  const signingKeys: string[] = []
  for (const folder of older.installation.isOlder ? folders : []) {
    const aside = await putSigningKeysAside(store, folder)
    if (aside !== undefined) signingKeys.push(aside)
  }
  if (signingKeys.length > 0) {
    say(
      `The signing key that was replaced since is back. The newer public keys are in ${signingKeys.join(', ')}: keep them.`,
    )
    say(
      'Put signing-keys.json aside in the state folders of the other replicas, too, and run "keyhold-server signing-key rotate" once they run.',
    )
  }
  const dead = await restoreInstallation(store, installationId, older.installation, {
    tenants: String(restored.length),
    chains: String(chains.chains.length),
  })
  if (dead.length > 0) tell(`API keys of no tenant deleted: ${dead.map(shown).join(', ')}`)
  await onStep('installation-restored')
  const kept = keptGenerations({ stateDir: folders[0], ring: macRing(rootKey, installationId) })
  await kept.append(await generationRecordsOf(store, restored), store.clock.now())
  await onStep('kept')
  if (chains.chains.length > 0) {
    const aside: string[] = []
    for (const file of chains.files) aside.push(await putAside(file, store.clock.now()))
    say(`The checkpoints of what is missing are in ${aside.join(', ')}: keep them.`)
    say('Put audit-checkpoints.ndjson aside in the state folders of the other replicas, too.')
  }
  say('Start the replicas now. Tenants that are locked stay so until they are unlocked.')
  return restored.length === older.tenants.length
}
