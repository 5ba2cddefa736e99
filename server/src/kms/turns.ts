// Decides whose turn it is to call a region of AWS KMS. Calls run up to a limit at a time and as the budget allows, urgent
// calls first. Among equals one tenant comes after the other, so that no tenant waits behind the burst of another.
import { KeyholdError } from '@keyhold/core'
import { kmsPriorities, type Admission, type KmsPriority } from './kms-budget.ts'

/** On whose behalf a call waits. */
export interface Turn {
  payer: string
  tenantId: string
  priority: KmsPriority
}

/**
 * Runs an action when it is its turn. Throws `ERR_KMS_BUDGET` when the budget does not allow it in time, and the reason
 * of `signal` when that is aborted during the wait.
 */
export type Turns = <Result>(
  turn: Turn,
  action: () => Promise<Result>,
  signal: AbortSignal,
) => Promise<Result>

export interface TurnsOptions {
  maxAtOnce: number
  /** Takes a call from the budget, or answers when to ask again. Default: every call is allowed. */
  admit?: (turn: Turn) => Admission
  /** How long a call may wait for the budget, while there is room for it. Default: 5,000. */
  budgetWaitMs?: number
  /** Receives each call that had to wait, when the wait has ended. */
  onWaited?: (turn: Turn, outcome: 'began' | 'refused' | 'gave-up', waitedMs: number) => void
}

interface Waiting {
  turn: Turn
  begin: () => void
}

/** By tenant: the first in order is the next one. */
type Lane = Map<string, Waiting[]>

export function createTurns({
  maxAtOnce,
  admit = () => ({ waitMs: 0 }),
  budgetWaitMs = 5_000,
  onWaited = () => undefined,
}: TurnsOptions): Turns {
  let running = 0
  let waitingCalls = 0
  let timer: NodeJS.Timeout | undefined
  // Each priority has a lane for each payer, since payers have budgets of their own.
  const lanesOf = new Map(kmsPriorities.map((priority) => [priority, new Map<string, Lane>()]))

  function lanes({ priority }: Turn): Map<string, Lane> {
    return lanesOf.get(priority) ?? new Map<string, Lane>()
  }

  function enqueue(waiting: Waiting): void {
    const { turn } = waiting
    const payers = lanes(turn)
    const lane = payers.get(turn.payer) ?? new Map<string, Waiting[]>()
    payers.set(turn.payer, lane)
    const queue = lane.get(turn.tenantId) ?? []
    lane.set(turn.tenantId, queue)
    queue.push(waiting)
    waitingCalls += 1
  }

  // Its tenant and its payer stay at their places in the order.
  function remove({ turn, begin }: Waiting): void {
    const payers = lanes(turn)
    const lane = payers.get(turn.payer)
    const queue = lane?.get(turn.tenantId)
    const index = queue?.findIndex((each) => each.begin === begin) ?? -1
    if (lane === undefined || queue === undefined || index < 0) return
    queue.splice(index, 1)
    if (queue.length === 0) lane.delete(turn.tenantId)
    if (lane.size === 0) payers.delete(turn.payer)
    waitingCalls -= 1
    if (waitingCalls === 0) clearTimeout(timer)
  }

  // A tenant or payer that has had a turn goes to the end of the order.
  function putLast({ turn }: Waiting): void {
    const payers = lanes(turn)
    const lane = payers.get(turn.payer)
    const queue = lane?.get(turn.tenantId)
    if (lane === undefined) return
    payers.delete(turn.payer)
    payers.set(turn.payer, lane)
    if (queue === undefined) return
    lane.delete(turn.tenantId)
    lane.set(turn.tenantId, queue)
  }

  /** The next call that the budget allows, or the time until it may allow one. */
  function choose(): Waiting | number {
    let soonestMs = Infinity
    for (const payers of lanesOf.values()) {
      for (const lane of payers.values()) {
        for (const [first] of lane.values()) {
          if (first === undefined) continue
          const admission = admit(first.turn)
          if (admission.waitMs === 0) return first
          soonestMs = Math.min(soonestMs, admission.waitMs)
          // The same holds for all calls behind it in this lane.
          if ('emptied' in admission && admission.emptied === 'account') break
        }
      }
    }
    return soonestMs
  }

  function beginNext(): void {
    clearTimeout(timer)
    while (running < maxAtOnce && waitingCalls > 0) {
      const next = choose()
      if (typeof next === 'number') {
        timer = setTimeout(beginNext, next)
        return
      }
      remove(next)
      putLast(next)
      running += 1
      next.begin()
    }
  }

  function wait(turn: Turn, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const startMs = performance.now()
      let isWaiting = false
      const end = (outcome: 'began' | 'refused' | 'gave-up') => {
        clearTimeout(patience)
        signal.removeEventListener('abort', giveUp)
        if (isWaiting) onWaited(turn, outcome, performance.now() - startMs)
      }
      const waiting: Waiting = {
        turn,
        begin: () => {
          end('began')
          resolve()
        },
      }
      const giveUp = () => {
        remove(waiting)
        end('gave-up')
        // The reason is the caller's to choose.
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors
        reject(signal.reason)
      }
      const refuse = () => {
        // Without room, the call does not wait for the budget.
        if (running >= maxAtOnce) {
          patience = setTimeout(refuse, budgetWaitMs)
          return
        }
        remove(waiting)
        end('refused')
        reject(new KeyholdError('ERR_KMS_BUDGET'))
      }
      let patience = setTimeout(refuse, budgetWaitMs)
      signal.addEventListener('abort', giveUp, { once: true })
      enqueue(waiting)
      beginNext()
      isWaiting = true
    })
  }

  return async (turn, action, signal) => {
    signal.throwIfAborted()
    // Waiting calls came before this one, unless they wait for another budget.
    if (waitingCalls === 0 && running < maxAtOnce && admit(turn).waitMs === 0) running += 1
    else await wait(turn, signal)
    try {
      return await action()
    } finally {
      running -= 1
      beginNext()
    }
  }
}
