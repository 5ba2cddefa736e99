// Keeps what this replica verifies of generations: in a file beside the database, and as a signed line in the log.
import type { ErrorCode } from '@keyhold/core'
import type { Logger } from 'pino'
import {
  createGenerationRounds,
  type GenerationRounds,
} from '../../installation/generations/generation-rounds.ts'
import { createGenerationWriter } from '../../installation/generations/generation-writer.ts'
import type { EventCounts } from '../../metrics/event-counts.ts'
import type { HoldSigner } from '../../store/authentic/hold-signer.ts'
import type { Generations } from '../../store/authentic/seen-generations.ts'
import type { Store } from '../../store/store.ts'
import type { Closers } from '../close-all.ts'
import type { ClaimedRootKey } from '../root-key/claimed-root-key.ts'
import type { LoadedGenerations } from './load-generations.ts'

interface GenerationNeeds {
  store: Store
  generations: Generations
  loaded: LoadedGenerations
  rootKey: ClaimedRootKey
  holdSigner: HoldSigner
  events: Pick<EventCounts, 'generationsKept'>
}

/** @param closers - receives the function that keeps what is left at the end */
export function openGenerations(
  { store, generations, loaded, rootKey, holdSigner, events }: GenerationNeeds,
  logger: Logger,
  closers: Closers,
): GenerationRounds {
  const { kept, tenants, unclear } = loaded
  const { installationId } = rootKey
  const writer = createGenerationWriter({
    kept,
    now: () => store.clock.now(),
    onKept: async ({ number, digest }, records) => {
      events.generationsKept('kept')
      const said = {
        ...{ type: 'keyhold/generations/1', installationId, number, digest },
        installationGeneration: generations.installation.get(''),
        ...{ records: records.length, at: store.clock.now().toISOString() },
      }
      const signed = await store
        .transaction(async (transaction) => ({ jws: (await holdSigner(transaction))(said) }))
        .catch((err: unknown) => ({ err }))
      logger.info({ ...said, ...signed }, 'generations kept outside of the database')
    },
    onFailed: (err) => {
      events.generationsKept('not-kept')
      logger.error({ err, file: kept.file }, 'generations are not kept outside of the database: tried again')
    },
  })
  const rounds = createGenerationRounds({
    ...{ store, generations, writer, tenants, unclear },
    onOlder: (tenantId) => {
      logger.error(
        { tenantId, code: 'ERR_RECORD_NOT_AUTHENTIC' satisfies ErrorCode },
        'quarantined: the rows of the tenant are older than what this replica knows. Put the newer ones back, or decide for these with "keyhold-server confirm-restore".',
      )
    },
    onOver: (tenantId, how) => {
      if (how === 'newest') logger.info({ tenantId }, 'the rows of the tenant are the newest ones again')
      else logger.info({ tenantId }, 'the tenant whose rows were older is deleted')
    },
  })
  closers.push(() => rounds.end())
  return rounds
}
