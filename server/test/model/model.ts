// A tenant, in as few words as say how it must go on. The model knows no versions, no epochs, no leases and
// no chunks: whatever the engine does with them, this is what its callers may rely on.
import { kindOf, type ErrorCode } from '@keyhold/core'
import type { KeyJobKind, KeyJobPhase } from '../../src/store/tables.ts'

export const keks = ['root', 'a', 'b'] as const
export type Kek = (typeof keks)[number]

const unusable: readonly ErrorCode[] = ['ERR_KMS_KEY_DISABLED', 'ERR_KMS_KEY_PENDING_DELETION']
const order = ['prepare', 'dual', 'copy', 'verify', 'cutover', 'done', 'aborting', 'aborted'] as const

export interface ModelJob {
  kind: KeyJobKind
  source: Kek
  target: Kek
  phase: KeyJobPhase
  /** Whether the new version was ever the active one. */
  isTouched?: boolean
  /** Whether cipherkeys may be set aside, since their KEK refused to open them. */
  isMissing?: boolean
}

export class Model {
  current: Kek = 'root'
  registered = new Set<Kek>(['root'])
  /** The KMS's answer instead of opening; open KEKs are not in it. */
  closed = new Map<Kek, ErrorCode>()
  /** Closed KEKs under which something may still be in memory, until its time has run out or a denial was heard. */
  held = new Set<Kek>()
  /** From a current provider to the next; a rotation's two are the same. */
  job: ModelJob | undefined
  lastEnd: 'done' | 'aborted' | undefined
  /** By key name: the KEKs that its data key may hang on. */
  names = new Map<string, Set<Kek>>()
  /** The answers that a caller got, who may come back with it at any time. */
  values: { keyName: string; token: string; plaintext: string }[] = []

  /** The KEK that new data keys hang on. */
  get active(): Kek {
    const { phase = 'done', target = this.current } = this.job ?? {}
    return ['copy', 'verify', 'cutover'].includes(phase) ? target : this.current
  }

  /** Whether something under a KEK opens. */
  opens(kek: Kek): 'yes' | 'no' | 'perhaps' {
    return !this.closed.has(kek) ? 'yes' : this.held.has(kek) ? 'perhaps' : 'no'
  }

  refusalOfMigrating(target: Kek): ErrorCode | undefined {
    if (!this.registered.has(target)) return 'ERR_KEY_PROVIDER_NOT_FOUND'
    if (this.job?.kind === 'migration') return 'ERR_MIGRATION_RUNNING'
    if (target === this.current) return 'ERR_MIGRATION_TARGET_CURRENT'
    if (unusable.includes(this.closed.get(target) ?? 'ERR_INTERNAL')) return 'ERR_MIGRATION_NOT_STARTED'
    return this.closed.has(target) || this.closed.has(this.current) ? 'ERR_MIGRATION_NOT_PREPARED' : undefined
  }

  refusalOfRotating(): ErrorCode | undefined {
    if (this.job !== undefined) return 'ERR_MIGRATION_RUNNING'
    return this.closed.has(this.current) ? 'ERR_MIGRATION_NOT_PREPARED' : undefined
  }

  refusalOfCancelling(): ErrorCode | undefined {
    if (this.job === undefined) return this.lastEnd === 'done' ? 'ERR_MIGRATION_ENDED' : undefined
    // Only cipherkeys that are away from the source go back to it.
    const needsSource = ['copy', 'verify', 'cutover'].includes(this.job.phase)
    return needsSource && this.closed.has(this.job.source) ? 'ERR_MIGRATION_NOT_PREPARED' : undefined
  }

  refusalOfDeleting(kek: Kek): ErrorCode | undefined {
    if (kek === 'root') return 'ERR_KEY_PROVIDER_DEFAULT'
    if (!this.registered.has(kek)) return 'ERR_KEY_PROVIDER_NOT_FOUND'
    const needed = [this.current, this.job?.source, this.job?.target]
    return needed.includes(kek) ? 'ERR_KEY_PROVIDER_IN_USE' : undefined
  }

  /** The phases in which a run of the live key job may stop; one that is killed may stop in any before them, too. */
  phasesAfterRun({ isKilled }: { isKilled: boolean }): KeyJobPhase[] {
    if (this.job === undefined) return []
    const { source, target, phase } = this.job
    const ends = phase === 'aborting' ? this.#ends(phase, source, target) : this.#ends(phase, target, source)
    if (!isKilled) return ends
    return order.slice(order.indexOf(phase), Math.max(...ends.map((end) => order.indexOf(end))) + 1)
  }

  #ends(phase: KeyJobPhase, to: Kek, from: Kek): KeyJobPhase[] {
    const end = phase === 'aborting' ? 'aborted' : 'done'
    if (phase === 'cutover') return [end]
    const { isTouched = false, isMissing = false } = this.job ?? {}
    if (this.closed.has(to)) {
      if (phase === 'copy') return ['copy', 'verify']
      // A rotation whose place the migration took may have left something to bring over.
      return phase === 'aborting' && !isTouched ? ['aborting', 'aborted'] : [phase]
    }
    if (!this.closed.has(from) || (phase === 'verify' && !isMissing)) return [end]
    const places = [...this.names.values()].filter((place) => place.has(from))
    if (places.length === 0) return [end]
    const waits = this.#waits(phase, from, isMissing)
    return places.some((place) => !place.has(to)) && this.opens(from) === 'no' ? waits : [...waits, end]
  }

  /** Where a key job waits for a KEK whose cipherkeys it needs. What is refused is set aside; an outage is waited for. */
  #waits(phase: KeyJobPhase, from: Kek, isMissing: boolean): KeyJobPhase[] {
    if (phase === 'aborting' || phase === 'verify') return [phase]
    if (this.#refuses(from)) return ['verify']
    return isMissing ? ['copy', 'verify'] : ['copy']
  }

  #refuses(kek: Kek): boolean {
    const code = this.closed.get(kek)
    return code !== undefined && kindOf(code) === 'denial'
  }

  /** Takes over how far the live key job has come. */
  reach(phase: KeyJobPhase): void {
    if (this.job === undefined) return
    const { source, target } = this.job
    const [to, from] = phase === 'aborting' || phase === 'aborted' ? [source, target] : [target, source]
    if (['copy', 'verify', 'cutover', 'done'].includes(phase)) this.job.isTouched = true
    if (this.#refuses(from)) this.job.isMissing = true
    const isUnderWay = phase === 'copy' || phase === 'aborting'
    for (const [name, place] of this.names) {
      if (isUnderWay || (phase === 'verify' && this.job.isMissing)) place.add(to)
      else if (phase !== 'prepare' && phase !== 'dual') this.names.set(name, new Set([to]))
    }
    this.job.phase = phase
    if (phase !== 'done' && phase !== 'aborted') return
    this.job = undefined
    this.lastEnd = phase
    this.current = to
  }
}
