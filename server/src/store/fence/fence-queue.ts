// Those who wait for the fence of a tenant to share it. They wait in memory and not in the database: a waiting statement
// keeps a connection from everybody else. One of them asks again and again, and lets the others in when it gets in.
import { KeyholdError } from '@keyhold/core'
import { setTimeout as sleep } from 'node:timers/promises'

export interface FenceQueue {
  /**
   * Tries until the fence is granted.
   *
   * @param attempt - asks once, and works if the fence is granted: then it calls `letIn` first. Undefined: refused
   * @throws KeyholdError `ERR_DATABASE_UNAVAILABLE` when the fence is refused for too long, and what `attempt` throws
   */
  enter<Result>(tenantId: string, attempt: Attempt<Result>): Promise<Result>
}

type Attempt<Result> = (letIn: () => void) => Promise<{ result: Result } | undefined>

// The fence is held alone for a few milliseconds. Somebody who waits for long asks ten times a second.
const firstPauseMs = 4
const maxPauseMs = 100

/** @param maxWaitMs - how long one waits at most */
export function createFenceQueue(maxWaitMs: number): FenceQueue {
  // Who asks for a tenant's fence, and the end of the asking.
  const asking = new Map<string, Promise<'granted' | 'ended'>>()

  async function ask<Result>(
    tenantId: string,
    attempt: Attempt<Result>,
    deadlineMs: number,
    isRefused: boolean,
  ): Promise<Result> {
    const { promise, resolve } = Promise.withResolvers<'granted' | 'ended'>()
    asking.set(tenantId, promise)
    const end = (outcome: 'granted' | 'ended') => {
      if (asking.get(tenantId) === promise) asking.delete(tenantId)
      resolve(outcome)
    }
    try {
      for (let pauseMs = isRefused ? firstPauseMs : 0; ; pauseMs = nextPause(pauseMs)) {
        const leftMs = deadlineMs - performance.now()
        if (leftMs <= 0) throw tooLong()
        if (pauseMs > 0) await sleep(Math.min(leftMs, pauseMs * (0.5 + Math.random())))
        const outcome = await attempt(() => {
          end('granted')
        })
        if (outcome !== undefined) return outcome.result
      }
    } finally {
      end('ended')
    }
  }

  return {
    async enter(tenantId, attempt) {
      const deadlineMs = performance.now() + maxWaitMs
      for (;;) {
        let before = asking.get(tenantId)
        if (before === undefined) {
          const outcome = await attempt(() => undefined)
          if (outcome !== undefined) return outcome.result
          before = asking.get(tenantId)
          if (before === undefined) return ask(tenantId, attempt, deadlineMs, true)
        }
        const end = await waitFor(before, deadlineMs)
        // Of those who waited behind one that gave up, one goes on asking.
        if (end === 'ended' && !asking.has(tenantId)) return ask(tenantId, attempt, deadlineMs, false)
      }
    },
  }
}

function nextPause(pauseMs: number): number {
  return Math.min(maxPauseMs, Math.max(firstPauseMs, pauseMs * 2))
}

async function waitFor<Outcome>(promise: Promise<Outcome>, deadlineMs: number): Promise<Outcome> {
  const over = new AbortController()
  const end = sleep(Math.max(0, deadlineMs - performance.now()), 'too-late' as const, {
    signal: over.signal,
  }).catch(() => 'too-late' as const)
  try {
    const outcome = await Promise.race([promise, end])
    if (outcome === 'too-late') throw tooLong()
    return outcome
  } finally {
    over.abort()
  }
}

function tooLong(): KeyholdError {
  return new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
    message: 'The keys of the tenant are being changed for longer than usual: try again.',
  })
}
