// Counts the result of each operation, and of each HTTP request behind it.
import { percentile } from '../../../testkit/src/statistics/percentile.ts'

export interface KindFigures {
  count: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

export interface Failure {
  code: string
  count: number
  kinds: Record<string, number>
  /** Seconds from the start of the load to the first and the last failure. */
  firstAtSeconds: number
  lastAtSeconds: number
}

/** A time without the server; while it lasts, its end is infinite. */
export interface Outage {
  startMs: number
  endMs: number
}

export class Tally {
  readonly #startMs: number
  readonly #durationsMs = new Map<string, number[]>()
  readonly #failures = new Map<string, Failure>()
  readonly #replies = new Map<string, number>()
  readonly outages: Outage[] = []
  /** Values encrypted or decrypted. */
  readonly dataOperations = { server: 0, local: 0 }
  /** Operations that met no server while there was none. */
  down = 0

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  succeeded(kind: string, durationMs: number): void {
    const durations = this.#durationsMs.get(kind)
    if (durations === undefined) this.#durationsMs.set(kind, [durationMs])
    else durations.push(durationMs)
  }

  /** @param isUnanswered - whether the last try got no answer at all */
  failed(
    kind: string,
    code: string,
    { startMs, endMs, isUnanswered }: { startMs: number; endMs: number; isUnanswered: boolean },
  ): void {
    const meetsOutage = this.outages.some((outage) => startMs <= outage.endMs && endMs >= outage.startMs)
    if (isUnanswered && meetsOutage) {
      this.down += 1
      return
    }
    const atSeconds = (endMs - this.#startMs) / 1_000
    const known = this.#failures.get(code)
    const failure = known ?? {
      code,
      count: 0,
      kinds: {},
      firstAtSeconds: atSeconds,
      lastAtSeconds: atSeconds,
    }
    failure.count += 1
    failure.kinds[kind] = (failure.kinds[kind] ?? 0) + 1
    failure.lastAtSeconds = atSeconds
    this.#failures.set(code, failure)
  }

  /** @param what - the status, with the error's code where there is one */
  replied(what: string): void {
    this.#replies.set(what, (this.#replies.get(what) ?? 0) + 1)
  }

  get operations(): number {
    const succeeded = [...this.#durationsMs.values()].reduce((sum, { length }) => sum + length, 0)
    return succeeded + this.errors + this.down
  }

  get errors(): number {
    return this.failures.reduce((sum, { count }) => sum + count, 0)
  }

  get failures(): Failure[] {
    return [...this.#failures.values()]
  }

  get replies(): Record<string, number> {
    return Object.fromEntries(this.#replies)
  }

  figures(): Record<string, KindFigures> {
    return Object.fromEntries(
      [...this.#durationsMs].toSorted().map(([kind, durations]) => [
        kind,
        {
          count: durations.length,
          p50Ms: percentile(durations, 0.5),
          p99Ms: percentile(durations, 0.99),
          maxMs: percentile(durations, 1),
        },
      ]),
    )
  }
}
