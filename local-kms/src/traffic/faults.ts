// Faults on demand: slow, throttled, broken and silent answers, aimed at some of the calls.
import { setTimeout as sleep } from 'node:timers/promises'
import { internalError, throttled } from '../kms-error.ts'
import { type CallMatch, matchesCall, type ObservedCall } from './observed-call.ts'

export const FAULT_KINDS = ['latency', 'throttle', 'error500', 'refuse', 'hang'] as const

export interface Fault {
  /** Absent: every call. */
  readonly match?: CallMatch | undefined
  /**
   * `latency` answers late, `throttle` with ThrottlingException, `error500` with KMSInternalException,
   * `refuse` with the end of the connection, `hang` not at all: the connection stays open until the client gives up or the fault is removed.
   */
  readonly kind: (typeof FAULT_KINDS)[number]
  /** 0 to 1, default 1. */
  readonly probability?: number | undefined
  /** For `latency`, in milliseconds. */
  readonly latencyMs?: number | undefined
  /** How many calls it meets before it is over; default: all until it is removed. */
  readonly count?: number | undefined
}

interface ActiveFault {
  readonly fault: Fault
  readonly removed: AbortController
  remaining: number
}

export class Faults {
  readonly #active = new Map<number, ActiveFault>()
  #lastId = 0

  /** @returns what removes it. */
  add(fault: Fault): () => void {
    const id = this.addNumbered(fault)
    return () => {
      this.remove(id)
    }
  }

  /** @throws RangeError when a number is out of range. */
  addNumbered(fault: Fault): number {
    const { kind, probability = 1, latencyMs, count = Infinity } = fault
    if (!(probability >= 0 && probability <= 1)) {
      throw new RangeError(`"probability" expected 0 to 1, got ${probability}`)
    }
    // A timer takes at most 2^31-1 ms and fires at once beyond that.
    if (kind === 'latency' && !(latencyMs !== undefined && latencyMs >= 0 && latencyMs < 2 ** 31)) {
      throw new RangeError(`"latencyMs" expected milliseconds for a latency, got ${String(latencyMs)}`)
    }
    if (!(count >= 1)) throw new RangeError(`"count" expected 1 or more, got ${count}`)
    const id = ++this.#lastId
    this.#active.set(id, { fault, removed: new AbortController(), remaining: count })
    return id
  }

  remove(id: number): boolean {
    this.#active.get(id)?.removed.abort()
    return this.#active.delete(id)
  }

  clear(): void {
    for (const id of [...this.#active.keys()]) this.remove(id)
  }

  list(): (Fault & { readonly id: number })[] {
    return [...this.#active].map(([id, { fault }]) => ({ id, ...fault }))
  }

  /**
   * Does to a call what the faults want.
   *
   * @returns `drop` when the connection must end without an answer.
   * @throws KmsError when the answer is an error.
   */
  async meet(call: ObservedCall, clientGone: () => AbortSignal): Promise<'answer' | 'drop'> {
    for (const [id, active] of this.#active) {
      const { match = {}, probability = 1, kind, latencyMs } = active.fault
      if (!matchesCall(match, call) || Math.random() >= probability) continue
      active.remaining--
      // Used up, it only leaves the list: calls that hang on it go on hanging.
      if (active.remaining <= 0) this.#active.delete(id)
      if (kind === 'throttle') throw throttled()
      if (kind === 'error500') throw internalError()
      if (kind === 'refuse') return 'drop'
      if (kind === 'hang') {
        await aborted(AbortSignal.any([active.removed.signal, clientGone()]))
        return 'drop'
      }
      const signal = clientGone()
      await sleep(latencyMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return 'drop'
    }
    return 'answer'
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => {
      resolve()
    })
  })
}
