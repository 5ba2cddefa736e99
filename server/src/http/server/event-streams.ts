// Server-sent events (the HTML standard, section 9.2): one for each change of the watched state, until the last state. A
// client that stops reading gets only the newest state when it reads again. Or, of what has ids, one for each of them: nobody misses one.
import { KeyholdError } from '@keyhold/core'
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { isDatabaseUnavailable } from '../../store/database.ts'
import type { Watch, WatchedEvents, WatchedState } from './handler.ts'
import { createStreamShares } from './stream-shares.ts'

// While the database is away, the last known state stays. Any other error ends the stream.
function unlessAway(error: unknown): undefined {
  if (!isDatabaseUnavailable(error)) throw error
}

export interface EventStreams {
  /** @throws KeyholdError `ERR_TOO_MANY_STREAMS` */
  send(
    reply: FastifyReply,
    tenantId: string,
    watch: Watch,
    isStillAllowed: () => Promise<boolean>,
  ): FastifyReply
  /** Ends all streams, so that the server can stop. */
  close(): void
}

const maxHeartbeatMs = 15_000
// Tells the client how many milliseconds to wait before it asks again: another replica will answer.
const askAgain = 'retry: 1000\n\n'

/** @param idleTimeoutMs - a connection without a byte for this long is closed */
export function createEventStreams({
  idleTimeoutMs,
  pollMs,
}: {
  idleTimeoutMs: number
  pollMs: number
}): EventStreams {
  const closing = new AbortController()
  const shares = createStreamShares()
  const heartbeatMs = Math.min(maxHeartbeatMs, idleTimeoutMs / 2)
  async function* events(watch: Watch, isStillAllowed: () => Promise<boolean>): AsyncGenerator<string> {
    let lastMark = ''
    let sentAtMs = performance.now()
    for (;;) {
      const state = await watch().catch(unlessAway)
      const news = state === undefined ? { texts: [], mark: lastMark } : newsIn(state, lastMark)
      lastMark = news.mark
      const isQuiet = news.texts.length === 0
      if (isQuiet && performance.now() - sentAtMs >= heartbeatMs) news.texts.push(': still there\n\n')
      for (const text of news.texts) {
        // The token may have been revoked since the stream began, or while its reader was slow: news do not put that question off.
        if (!(await isStillAllowed())) return
        sentAtMs = performance.now()
        yield text
      }
      if (state?.isLast === true) return
      if (await isClosing()) {
        yield askAgain
        return
      }
    }
  }

  async function isClosing(): Promise<boolean> {
    return setTimeout(pollMs, false, { signal: closing.signal }).catch(() => true)
  }

  return {
    send(reply, tenantId, watch, isStillAllowed) {
      if (!shares.open(tenantId)) throw new KeyholdError('ERR_TOO_MANY_STREAMS')
      const stream = Readable.from(events(watch, isStillAllowed), { highWaterMark: 1 })
      stream.once('close', () => {
        shares.close(tenantId)
      })
      return reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(stream)
    },
    close() {
      closing.abort()
    },
  }
}

/** The news for a reader who has the mark, and the mark of who has them. */
function newsIn(state: WatchedState | WatchedEvents, lastMark: string): { texts: string[]; mark: string } {
  if (!('events' in state)) {
    const isNew = state.mark !== lastMark
    return { texts: isNew ? [`data: ${JSON.stringify(state.data)}\n\n`] : [], mark: state.mark }
  }
  const texts = state.events.map(({ id, data }) => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`)
  // Without data it is no event, and says where to begin when the connection breaks.
  if (texts.length === 0 && lastMark === '') texts.push(`id: ${state.begin}\n\n`)
  return { texts, mark: 'begun' }
}
