// Remembers the answers about keys that this replica has kept lately, so that a flood of equal answers is one write.
import { isRefusal, type KeyObservation } from './key-state.ts'

// The shortest time between two writes of equal answers. It is shorter for refusals: another replica may have met a yes
// in between.
const refusalIntervalMs = 5_000
const intervalMs = 60_000
const maxRemembered = 20_000

/** The last answer of one key in one region. */
interface Kept {
  state: KeyObservation['state']
  /** A fault of Keyhold's own may be shown as the same state as a refusal. */
  isRefusal: boolean
  /** Whether the answer before was the same. An unconfirmed state is shown only if it is a refusal. */
  isConfirmed: boolean
  atMs: number
  writing: Promise<void> | undefined
}

export interface KeptAnswers {
  /** A running write of an equal answer, or an ended one that is young enough; undefined: this answer must be written. */
  findWrite(name: string, observation: KeyObservation): Promise<void> | undefined
  /** Whether the answer contradicts the last one. A key without an answer is taken to be healthy. */
  contradicts(name: string, observation: KeyObservation): boolean
  /**
   * Remembers an answer that is being written. If that fails the answer is forgotten, so that the next one is written.
   * Answers when the writing has ended, and never fails.
   */
  remember(name: string, observation: KeyObservation, writing: Promise<unknown>): Promise<void>
}

/**
 * @param clock - monotonic milliseconds
 * @param writeMs - an answer that is no refusal is kept no more often than this, even where it differs
 */
export function createKeptAnswers(clock: () => number, writeMs: number): KeptAnswers {
  const kept = new Map<string, Kept>()

  return {
    findWrite(name, observation) {
      const known = kept.get(name)
      if (known === undefined) return undefined
      const ageMs = clock() - known.atMs
      const isEqual = isEqualTo(known, observation)
      if (isEqual && known.writing !== undefined) return known.writing
      if (isEqual && ageMs < equalIntervalMs(known, observation, writeMs)) return Promise.resolve()
      return !isRefusal(observation) && ageMs < writeMs ? Promise.resolve() : undefined
    },

    contradicts: (name, observation) => !isEqualTo(kept.get(name) ?? unknown, observation),

    remember(name, observation, writing) {
      const known = kept.get(name)
      const isConfirmed = known !== undefined && isEqualTo(known, observation)
      if (kept.size >= maxRemembered) kept.clear()
      const answer = { state: observation.state, isRefusal: isRefusal(observation) }
      const entry: Kept = { ...answer, isConfirmed, atMs: clock(), writing: undefined }
      kept.set(name, entry)
      entry.writing = writing
        .then(
          () => undefined,
          () => {
            if (kept.get(name) === entry) kept.delete(name)
          },
        )
        .finally(() => (entry.writing = undefined))
      return entry.writing
    },
  }
}

const unknown: Pick<Kept, 'state' | 'isRefusal'> = { state: 'healthy', isRefusal: false }

function isEqualTo(known: Pick<Kept, 'state' | 'isRefusal'>, observation: KeyObservation): boolean {
  return known.state === observation.state && known.isRefusal === isRefusal(observation)
}

function equalIntervalMs({ isConfirmed }: Kept, observation: KeyObservation, writeMs: number): number {
  if (isRefusal(observation)) return refusalIntervalMs
  return isConfirmed ? intervalMs : writeMs
}
