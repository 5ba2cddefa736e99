// Has this replica remember the generations that it has kept, before it reads any row that steers.
import type { ErrorCode } from '@keyhold/core'
import type { Logger } from 'pino'
import { nameOfRecord, type GenerationRecord } from '../../installation/generations/generation-records.ts'
import { keptGenerations, type KeptGenerations } from '../../installation/generations/kept-generations.ts'
import { refuseLooseFolder } from '../../installation/state-files.ts'
import type { Generations } from '../../store/authentic/seen-generations.ts'
import type { Store } from '../../store/store.ts'
import { macRing, type ClaimedRootKey } from '../root-key/claimed-root-key.ts'

export interface LoadedGenerations {
  kept: KeptGenerations
  /** The tenants of which something is remembered. */
  tenants: readonly string[]
  /** Rows of which the newest decisions are not kept: they are to be read again. */
  unclear: readonly GenerationRecord[]
  /** Whether the installation's row is older than what is remembered: then this replica must not use its root key. */
  isQuarantined: boolean
}

interface LoadNeeds {
  store: Pick<Store, 'installation' | 'macs'>
  generations: Generations
  rootKey: ClaimedRootKey
  /** The folder for what is kept outside of the database. */
  stateDir: string
  /** Those of other replicas of this machine, whose knowledge counts as well. */
  otherStateDirs: readonly string[]
}

/** @throws KeyholdError `ERR_STATE_FILE_INVALID` */
export async function loadGenerations(
  { store, generations, rootKey, stateDir, otherStateDirs }: LoadNeeds,
  logger: Logger,
): Promise<LoadedGenerations> {
  await refuseLooseFolder(stateDir)
  const ring = macRing(rootKey, rootKey.installationId)
  const kept = keptGenerations({ stateDir, ring })
  const tenants = new Set<string>()
  const unclear = new Map<string, GenerationRecord>()
  const remember = (record: GenerationRecord) => {
    const { kind, tenantId, generation, known } = record
    const name = nameOfRecord(record)
    const before = unclear.get(name)
    // Another file may know less.
    if (generation >= (before?.generation ?? 0)) {
      if ((known?.generation ?? 0) >= generation) unclear.delete(name)
      else unclear.set(name, record)
    }
    if (kind === 'installation') generations.installation.prime(tenantId, generation)
    else {
      generations[kind === 'fence' ? 'fences' : 'guards'].prime(tenantId, generation)
      tenants.add(tenantId)
    }
  }
  let isThere = await kept.read(remember)
  for (const other of otherStateDirs) {
    await refuseLooseFolder(other)
    isThere = (await keptGenerations({ stateDir: other, ring }).read(remember)) || isThere
  }
  if (!isThere) {
    logger.info(
      { file: kept.file },
      'nothing is remembered of the database from before this start: an older one is not noticed',
    )
  }
  const knownGeneration = generations.installation.get('')
  const shown = await store.installation.glanceAtGeneration()
  const isQuarantined = store.macs.requiresMacs() && shown !== undefined && shown < knownGeneration
  if (isQuarantined) {
    store.macs.seal('ERR_QUARANTINED')
    logger.error(
      {
        ...{ file: kept.file, generation: shown, known: knownGeneration },
        code: 'ERR_QUARANTINED' satisfies ErrorCode,
      },
      'quarantined: the database is older than what this replica knows. Put the newer one back, or decide for this one with "keyhold-server confirm-restore", and start again.',
    )
  }
  return { kept, tenants: [...tenants], unclear: [...unclear.values()], isQuarantined }
}
