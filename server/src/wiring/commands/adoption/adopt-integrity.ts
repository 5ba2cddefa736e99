// The command `integrity adopt`: an operator looks at the rows that steer, has them signed, and from then on a row without a MAC
// is a forged one. It runs beside the replicas, and can be cut off and repeated at any point.
import { KeyholdError } from '@keyhold/core'
import { access, constants, realpath } from 'node:fs/promises'
import path from 'node:path'
import { surveyRows, type Survey } from '../../../installation/adoption/survey-rows.ts'
import { replaceRootKeyFile, writeRootKeyCopy, type RootKeyFileStep } from '../../../kms/root-key-file.ts'
import { commandActor } from '../../../store/audits.ts'
import { adoptedKinds, adoptRows, completeRows } from '../../../store/authentic/adopt-rows.ts'
import { steeringKinds } from '../../../store/authentic/steering-kinds.ts'
import { isDatabaseUnavailable } from '../../../store/database.ts'
import type { ListPosition } from '../../../store/list-position.ts'
import type { Store } from '../../../store/store.ts'
import { defaultTimings } from '../../../timings.ts'
import { rootKeyFile, type ClaimedRootKey } from '../../root-key/claimed-root-key.ts'
import { findFaults } from '../examine-integrity.ts'
import { faultLine } from '../fault-line.ts'
import { shown } from '../../../driver/shown-text.ts'
import { findOtherVersions } from './find-other-versions.ts'
import { withCommandStore, type CommandStore } from './open-command-store.ts'
import { steeringRowLine } from './steering-row-line.ts'
import type { CommandSettings } from '../command-settings.ts'

export interface AdoptOptions {
  /** Receives a line of the report. */
  tell: (line: string) => void
  /** Receives what is said besides. */
  say: (line: string) => void
  confirm: (question: string) => Promise<boolean>
  /** Where the new root key file is written, if not in the place of the old one. */
  output: string | undefined
  /** For tests: after each step of the file. */
  onStep?: (
    step: RootKeyFileStep | 'confirmed' | 'tenant-adopted' | 'rows-adopted' | 'recorded',
  ) => Promise<void>
}

const nothing = () => Promise.resolve()
const attempts = 5
const pageTenants = 500
// Who waits for the end of an upgrade that others do not end must be told.
const mostRounds = 10

/**
 * Answers whether MACs are required now.
 *
 * @throws KeyholdError `ERR_ADOPTION_BLOCKED`, `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`
 */
export async function adoptIntegrity(settings: CommandSettings, options: AdoptOptions): Promise<boolean> {
  return withCommandStore(settings, async (parts) => {
    const { store, rootKey } = parts
    const file = rootKeyFile(settings)
    if (rootKey.requiresMacs) {
      options.say(`The root key file ${file} requires MACs already.`)
      await tellReplicas(store, options)
      return true
    }
    await refuseUnwritable(file, options.output)
    const signed = await adoptAllRows(parts, options)
    if (signed === undefined) return false
    await refuseOtherVersions(store)
    await record(store, rootKey, signed)
    await options.onStep?.('recorded')
    await putFile(file, rootKey, options)
    await tellReplicas(store, options)
    return true
  })
}

interface Signed {
  rows: number
  wrong: number
}

/** Undefined: the operator has said no. */
async function adoptAllRows(parts: CommandStore, options: AdoptOptions): Promise<Signed | undefined> {
  const { store } = parts
  const { onStep = nothing } = options
  const signed: Signed = { rows: 0, wrong: 0 }
  await refuseFaults(parts, options)
  for (let round = 1; round <= mostRounds; round++) {
    await refuseOtherVersions(store)
    if (round === 1) await fillAll(store)
    const survey = await surveyRows(store, adoptedKinds, (row) => {
      const line = steeringRowLine(row)
      if (line !== undefined) options.tell(line)
    })
    const counted = summarize(survey, options)
    const { rows, wrong } = counted
    if (rows === 0 && round > 1) return signed
    const question =
      rows === 0
        ? 'All rows have a right MAC. Require one of each row from now on?'
        : `Is all of this as it should be? Then ${rows} rows are signed${wrong === 0 ? '' : `, ${wrong} of them with a wrong MAC now`}.`
    if (!(await options.confirm(question))) return undefined
    await onStep('confirmed')
    for (const tenantId of survey.tenants) {
      signed.rows += await again(() => adoptRows(store, tenantId, survey.hasSeen))
      await onStep('tenant-adopted')
    }
    signed.wrong += wrong
    await onStep('rows-adopted')
    if (rows > 0)
      options.say('The rows are read again: what was changed meanwhile is shown before it is signed.')
  }
  throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
    message: `After ${mostRounds} rounds there are still rows that somebody changes without a MAC: find out who writes to the database.`,
  })
}

/** Also tenants whose rows are all signed: a replica of the version before may have written beside them. */
async function fillAll(store: Store): Promise<void> {
  await again(() => completeRows(store, undefined))
  let after: ListPosition | undefined
  for (;;) {
    const page = await store.tenants.list({ limit: pageTenants, ...(after !== undefined && { after }) })
    for (const { id } of page) await again(() => completeRows(store, id))
    after = page.at(-1)
    if (page.length < pageTenants) return
  }
}

function summarize({ counts }: Survey, { say }: AdoptOptions): Signed {
  const sum = { rows: 0, wrong: 0 }
  for (const [kind, { rows, unsigned, wrong, outdated }] of counts) {
    if (outdated > 0) {
      throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
        message: `Of ${steeringKinds[kind].table} ${outdated} rows are authenticated under a root key that is not in the root key file: put the newer file in place.`,
      })
    }
    if (rows > 0) say(`${kind}: ${rows} in all, ${unsigned} without a MAC, ${wrong} with a wrong one`)
    sum.rows += unsigned + wrong
    sum.wrong += wrong
  }
  return sum
}

async function refuseOtherVersions(store: Store): Promise<void> {
  const others = await findOtherVersions(store, defaultTimings.replicaGoneMs)
  if (others.length === 0) return
  throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
    message: `Replicas of another version are connected, which write rows without MACs: ${others.join('; ')}. Upgrade or stop them, wait ten seconds, and try again.`,
  })
}

async function refuseFaults({ connection }: CommandStore, { tell }: AdoptOptions): Promise<void> {
  const faults = await findFaults(connection)
  if (faults.length === 0) return
  for (const fault of faults) tell(faultLine(fault))
  throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
    message: `The database contradicts itself in ${faults.length} places, as listed: put that right first ("keyhold-server doctor --integrity").`,
  })
}

async function refuseUnwritable(file: string, output: string | undefined): Promise<void> {
  const folder = path.dirname(output ?? (await realpath(file)))
  try {
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
      message: `The folder ${folder} cannot be written to: name a file elsewhere with --output FILE, and put it in place by the means by which the root key file came there.`,
      cause,
    })
  }
}

async function record(store: Store, { installationId }: ClaimedRootKey, signed: Signed): Promise<void> {
  await store.transaction((transaction) => {
    transaction.audit({
      tenantId: undefined,
      actor: commandActor,
      action: 'integrity.adopt',
      targetId: installationId,
      details: { rows: String(signed.rows), wrong: String(signed.wrong) },
    })
    return Promise.resolve()
  })
}

async function putFile(file: string, rootKey: ClaimedRootKey, options: AdoptOptions): Promise<void> {
  if (options.output === undefined) {
    await replaceRootKeyFile(file, rootKey, options.onStep)
    options.say(
      `The root key file ${file} requires MACs now. Copy it to the other replicas and to its backup.`,
    )
  } else {
    await writeRootKeyCopy(options.output, rootKey)
    options.say(
      `The new root key file is ${options.output}. Put it in the place of the old one on every replica and in its backup, and delete ${options.output}.`,
    )
  }
}

async function tellReplicas({ replicas }: Store, { say }: AdoptOptions): Promise<void> {
  const live = await replicas.listLive(defaultTimings.replicaGoneMs)
  const old = live.filter(({ facts }) => facts?.requiresMacs !== true)
  if (old.length === 0) {
    if (live.length > 0)
      say(`All ${live.length} replicas that are alive hold a root key file that requires MACs.`)
    return
  }
  say('These replicas do not require MACs yet. One takes a new file within two seconds, without a restart:')
  for (const { id, facts, startedAt } of old) {
    say(`  ${shown(facts?.host ?? id)}, started ${startedAt.toISOString()}`)
  }
}

/** Replicas hold locks for moments. */
async function again<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !isDatabaseUnavailable(error)) throw error
    }
  }
}
