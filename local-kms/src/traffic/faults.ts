// Faults on demand: slow, throttled, broken and silent answers, aimed at some of the calls.
import { setTimeout as sleep } from 'node:timers/promises'
import { internalError, throttled } from '../kms-error.ts'
import { type CallMatch, matchesCall, type ObservedCall } from './observed-call.ts'

export const faultKinds = ['latency', 'throttle', 'error500', 'refuse', 'hang'] as const

// A timer with this delay, or a longer one, fires at once.
const latencyLimitMs = 2 ** 31

export interface Fault {
  /** The calls that the fault hits. Absent: every call. */
  match?: CallMatch | undefined
  /**
   * `latency` answers late, `throttle` with ThrottlingException, `error500` with KMSInternalException. `refuse` ends the
   * connection. `hang` keeps it open without an answer, until the client gives up or the fault is removed.
   */
  kind: (typeof faultKinds)[number]
  /** 0 to 1, default 1. */
  probability?: number | undefined
  /** Only for `latency`. */
  latencyMs?: number | undefined
  /** How many calls the fault hits before it is over. Default: all, until it is removed. */
  count?: number | undefined
}

export interface Faults {
  /**
   * Answers the function that removes the fault.
   *
   * @throws RangeError when a number is out of range
   */
  add(fault: Fault): () => void
  /** Like `add`, but answers the number by which `remove` knows the fault. */
  addNumbered(fault: Fault): number
  /** Calls that hang on the fault lose their connection. Answers whether there was such a fault. */
  remove(id: number): boolean
  clear(): void
  list(): (Fault & { id: number })[]
  /**
   * Does to a call what the faults ask for.
   *
   * @param clientGone - called only when a fault waits; the signal is aborted once the client has gone away
   * @returns `drop` when the connection must end without an answer
   * @throws KmsError when the answer is an error
   */
  meet(call: ObservedCall, clientGone: () => AbortSignal): Promise<'answer' | 'drop'>
}

interface ActiveFault {
  fault: Fault
  removed: AbortController
  remaining: number
}

export function createFaults(): Faults {
  const active = new Map<number, ActiveFault>()
  let lastId = 0

  function addNumbered(fault: Fault): number {
    checkFault(fault)
    const id = ++lastId
    active.set(id, { fault, removed: new AbortController(), remaining: fault.count ?? Infinity })
    return id
  }

  function remove(id: number): boolean {
    active.get(id)?.removed.abort()
    return active.delete(id)
  }

  return {
    add(fault) {
      const id = addNumbered(fault)
      return () => {
        remove(id)
      }
    },
    addNumbered,
    remove,
    clear() {
      for (const id of [...active.keys()]) remove(id)
    },
    list: () => [...active].map(([id, { fault }]) => ({ id, ...fault })),
    async meet(call, clientGone) {
      for (const [id, each] of active) {
        const { match = {}, probability = 1 } = each.fault
        if (!matchesCall(match, call) || Math.random() >= probability) continue
        each.remaining--
        // A fault that is used up only leaves the list: calls that hang on it go on hanging.
        if (each.remaining <= 0) active.delete(id)
        if ((await hit(each, clientGone)) === 'drop') return 'drop'
      }
      return 'answer'
    },
  }
}

function checkFault({ kind, probability = 1, latencyMs, count = 1 }: Fault): void {
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`"probability" expected 0 to 1, got ${probability}`)
  }
  if (kind === 'latency' && !(latencyMs !== undefined && latencyMs >= 0 && latencyMs < latencyLimitMs)) {
    throw new RangeError(`"latencyMs" expected milliseconds for a latency, got ${String(latencyMs)}`)
  }
  if (!(count >= 1)) throw new RangeError(`"count" expected 1 or more, got ${count}`)
}

async function hit(
  { fault, removed }: ActiveFault,
  clientGone: () => AbortSignal,
): Promise<'answer' | 'drop'> {
  switch (fault.kind) {
    case 'throttle':
      throw throttled()
    case 'error500':
      throw internalError()
    case 'refuse':
      return 'drop'
    case 'hang':
      await aborted(AbortSignal.any([removed.signal, clientGone()]))
      return 'drop'
    case 'latency': {
      const signal = clientGone()
      await sleep(fault.latencyMs, undefined, { signal }).catch(() => undefined)
      return signal.aborted ? 'drop' : 'answer'
    }
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
