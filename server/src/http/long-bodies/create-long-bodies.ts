// Has long bodies worked on by a thread of their own: whatever such a body holds, and however long the answer to it takes,
// this thread goes on with the requests of everybody else. The thread is started when there is a long body, and ends when
// there was none for a while.
//
// Within it bodies go on side by side, slice by slice. A tenant has only a few of them there at a time, so that many bodies
// of one tenant do not make the others' late.
import { KeyholdError } from '@keyhold/core'
import type { RequestKeys } from '../../data/request-keys.ts'
import { createFairLines } from '../../event-loop/fair-lines.ts'
import type { AnsweredBody, BodyOrder } from './body-messages.ts'
import { startBodyThread, type BodyThread } from './start-body-thread.ts'

/** Who sent the body. */
export interface BodyClient {
  /** The tenant's id. */
  share: string
  answer: {
    readonly closed: boolean
    once(event: 'close', listener: () => void): unknown
    off(event: 'close', listener: () => void): unknown
  }
}

export interface LongBodies {
  /**
   * Gives `order.bytes` away: the caller must not look at them any more.
   *
   * @param keys - those of the tenant
   * @param client - once its answer is closed nothing more is done
   * @throws KeyholdError as the routes do, or `ERR_TENANT_BUSY` if the tenant's other bodies take too long
   */
  answer(order: BodyOrder, keys: RequestKeys, client: BodyClient): Promise<AnsweredBody>
  close(): Promise<void>
}

const maxOfTenant = 4
const maxWaitMs = 30_000
const idleMs = 300_000

export function createLongBodies(): LongBodies {
  const ofTenant = new Map<string, number>()
  const turns = createFairLines<string>({
    lineOf: (share) => share,
    hasRoom: (share) => (ofTenant.get(share) ?? 0) < maxOfTenant,
    count(share, by) {
      const count = (ofTenant.get(share) ?? 0) + by
      if (count === 0) ofTenant.delete(share)
      else ofTenant.set(share, count)
    },
    refusal: () => new KeyholdError('ERR_TENANT_BUSY'),
    maxWaitMs,
    // The budget of bodies limits them.
    maxWaiting: Infinity,
  })
  let thread: BodyThread | undefined
  let isClosed = false
  let idle: NodeJS.Timeout | undefined

  function theThread(): BodyThread {
    if (isClosed) throw new KeyholdError('ERR_SERVER_BUSY')
    if (thread === undefined || thread.hasEnded()) thread = startBodyThread()
    return thread
  }

  function endIfIdle(): void {
    if (thread?.isIdle() !== true) return
    void thread.end()
    thread = undefined
  }

  return {
    async answer(order, keys, { share, answer }) {
      const left = new AbortController()
      const leave = () => {
        left.abort()
      }
      answer.once('close', leave)
      try {
        // Nobody reads this.
        if (answer.closed) throw new KeyholdError('ERR_INVALID_REQUEST')
        const giveBack = await turns.enter(share, (giveUp) => {
          left.signal.addEventListener('abort', giveUp)
        })
        try {
          clearTimeout(idle)
          return await theThread().answer(order, keys, left.signal)
        } finally {
          giveBack()
          clearTimeout(idle)
          idle = setTimeout(endIfIdle, idleMs).unref()
        }
      } finally {
        answer.off('close', leave)
      }
    },

    async close() {
      isClosed = true
      clearTimeout(idle)
      await thread?.end()
    },
  }
}
