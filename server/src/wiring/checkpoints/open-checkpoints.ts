// Checkpoints of the audit trail: into the database, into the log, and into a file beside the database.
import { KeyholdError } from '@keyhold/core'
import type { Logger } from 'pino'
import { setTimeout as pause } from 'node:timers/promises'
import { createCheckpoints, type Checkpoints } from '../../installation/checkpoint-rounds.ts'
import { createCheckpointWriter } from '../../installation/checkpoint-writer.ts'
import { keptCheckpoints, newestOfEach, type KeptCheckpoints } from '../../installation/kept-checkpoints.ts'
import type { SignedCheckpoint } from '../../installation/audit-checkpoint.ts'
import type { EventCounts } from '../../metrics/event-counts.ts'
import type { Store } from '../../store/store.ts'
import type { Closers } from '../close-all.ts'
import type { Signer } from '../open-signer.ts'

interface CheckpointNeeds {
  store: Store
  signer: Pick<Signer, 'holdSigner' | 'readOwn' | 'isOwnKey'>
  /** The folder for what is kept outside of the database. */
  stateDir: string
  /** Those of other replicas of this machine, whose knowledge counts as well. */
  otherStateDirs: readonly string[]
  events: Pick<EventCounts, 'auditCheckpoint'>
  /** A sealed replica signs nothing. */
  isSealed: boolean
}

// How often the log tells the same of a chain.
const tellAgainMs = 3_600_000
const closeMs = 1_000

/** @param closers - receives the function that signs and keeps what is left at the end */
export async function openCheckpoints(
  { store, signer, stateDir, otherStateDirs, events, isSealed }: CheckpointNeeds,
  logger: Logger,
  closers: Closers,
): Promise<Checkpoints> {
  if (isSealed) {
    return {
      round: () => Promise.resolve(),
      signNow: () => Promise.reject(new KeyholdError('ERR_SEALED')),
    }
  }
  const file = keptCheckpoints({ stateDir, isOwnKey: signer.isOwnKey })
  const onNotKept = (err: unknown) => {
    events.auditCheckpoint('not-kept')
    logger.error(
      { err, file: file.file },
      'checkpoints of the audit trail are not kept in the file: tried again',
    )
  }
  const writer = createCheckpointWriter(file, onNotKept)
  const kept = await load(file, 'load', logger, onNotKept)
  for (const folder of otherStateDirs) {
    const other = keptCheckpoints({ stateDir: folder, isOwnKey: signer.isOwnKey })
    kept.push(...(await load(other, 'look', logger, onNotKept)))
  }
  const told = new Map<string, number>()
  const checkpoints = createCheckpoints({
    ...{ store, holdSigner: signer.holdSigner, readOwn: signer.readOwn, writer },
    kept: newestOfEach(kept),
    onSigned: ({ jws, checkpoint: { tenantId, sequence, hash, number } }) => {
      events.auditCheckpoint('signed')
      logger.info({ tenantId, sequence, hash, number, jws }, 'checkpoint of the audit trail')
    },
    onContradiction: (chain, contradiction) => {
      events.auditCheckpoint('contradicted')
      const nowMs = performance.now()
      const about = `${contradiction} ${chain}`
      if (nowMs - (told.get(about) ?? Number.NEGATIVE_INFINITY) < tellAgainMs) return
      told.set(about, nowMs)
      logger.error(
        { tenantId: chain === '' ? null : chain, contradiction, file: file.file },
        'the audit trail contradicts its checkpoints, and is not signed: somebody has changed the database, or an older one was put back',
      )
    },
    onFailed: (chain, err) => {
      logger.warn(
        { tenantId: chain === '' ? null : chain, err },
        'the audit trail was not signed: tried again',
      )
    },
  })
  closers.push(async () => {
    const last = checkpoints.round().catch(() => undefined)
    await Promise.race([last.then(() => writer.settled()), pause(closeMs, undefined, { ref: false })])
  })
  return checkpoints
}

/** A file that cannot be read keeps no server from starting: it is told, and what the database has is compared alone. */
async function load(
  file: KeptCheckpoints,
  way: 'load' | 'look',
  logger: Logger,
  onFailed: (error: unknown) => void,
): Promise<SignedCheckpoint[]> {
  try {
    const { newest, otherLines } = await file[way]()
    if (otherLines > 0)
      logger.warn({ file: file.file, otherLines }, 'some lines are no checkpoints of this installation')
    return newest
  } catch (error) {
    onFailed(error)
    return []
  }
}
