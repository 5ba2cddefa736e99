// Checks of what opens tenant keys: the root key, and the access to AWS KMS.
import type { AwsKms } from '../../../kms/aws-kms.ts'
import { findRootKey } from '../../../installation/claim-root-key.ts'
import { readRootKeyFile } from '../../../kms/root-key-file.ts'
import { looseModeOf } from '../../../settings/loose-mode.ts'
import type { Settings } from '../../../settings/read-settings.ts'
import { createRowMacs } from '../../../store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../store/database-clock.ts'
import { isMissingTable } from '../../../store/database.ts'
import { createStore } from '../../../store/store.ts'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { ConnectedDatabase } from '../../connect-database.ts'
import { rootKeyFile, rootKeyParts, sealedMessages } from '../../root-key/claimed-root-key.ts'
import { fail, ok, reasonOf, warn, type Check, type Finding } from './checks.ts'
import { someRegion } from './kms-hosts.ts'

interface KeyCheckNeeds {
  /** Undefined where they are wrong. */
  settings: Settings | undefined
  opened: () => ConnectedDatabase | undefined
  /** Opens what calls AWS. */
  openAws: (settings: Settings) => Pick<AwsKms, 'ownPrincipal' | 'close'>
}

export function keyChecks({ settings, opened, openAws }: KeyCheckNeeds): Check[] {
  if (settings === undefined) return []
  return [
    { name: 'root key', look: () => lookAtRootKey(settings, opened()) },
    { name: 'aws', look: () => lookAtAws(settings, openAws) },
  ]
}

async function lookAtRootKey(settings: Settings, connected: ConnectedDatabase | undefined): Promise<Finding> {
  const file = path.resolve(rootKeyFile(settings))
  const found = await stat(file).catch(() => undefined)
  const loose = found && looseModeOf(found.mode)
  if (loose !== undefined) return fail(`${file} ${loose}`, `run chmod o= ${file}`)
  const rootKey = await readRootKeyFile(file)
  if (rootKey === undefined) {
    return fail(
      `there is none in ${file}`,
      'put a copy of the file of the other replicas there; for a new installation run "keyhold-server root-key create"',
    )
  }
  const seen = `${rootKey.id} in ${file}`
  const claim = connected && (await claimOf(settings, connected))
  if (claim !== undefined && 'sealed' in claim)
    return fail(`${seen}: ${sealedMessages[claim.sealed]}`, 'put the right file in place')
  if (!rootKey.requiresMacs)
    return warn(
      `${seen}, which does not require MACs`,
      'run "keyhold-server integrity adopt" once all replicas are of this version',
    )
  return ok(
    claim === undefined
      ? `${seen}; no database has been claimed for it, as far as can be seen`
      : `${seen}, that of the database`,
  )
}

async function claimOf(settings: Settings, { db }: ConnectedDatabase) {
  const store = createStore(db, await openDatabaseClock(db), { macs: createRowMacs() })
  try {
    return await findRootKey(store, rootKeyParts(settings))
  } catch (error) {
    if (isMissingTable(error)) return undefined
    throw error
  }
}

/** An installation whose tenants all have the internal KMS needs no AWS. */
async function lookAtAws(settings: Settings, openAws: KeyCheckNeeds['openAws']): Promise<Finding> {
  const aws = openAws(settings)
  const where = settings.kmsEndpoint === 'aws' ? 'AWS' : new URL(settings.kmsEndpoint).host
  try {
    return ok(`${where} knows this server as ${await aws.ownPrincipal(someRegion(settings))}`)
  } catch (error) {
    const seen = `${where} cannot be used: ${reasonOf(error)}`
    const advice =
      'give this server credentials for AWS, or see what the message names; only tenants with keys of their own need them'
    return settings.kmsAccessKeyId === undefined ? warn(seen, advice) : fail(seen, advice)
  } finally {
    aws.close()
  }
}
