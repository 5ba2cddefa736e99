// Server-sent events (the HTML standard, section 9.2): one for each change of the watched state, until the last state. A
// client that stops reading gets only the newest state when it reads again. Or, of what has ids, one for each of them: nobody misses one.
import { KeyholdError } from '@keyhold/core'
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { isDatabaseUnavailable } from '../../store/database.ts'
import type { Watch } from './handler.ts'
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
      const isIdentified = state !== undefined && 'events' in state
      if (isIdentified && (state.events.length > 0 || lastMark === '')) {
        // Without data it is no event, and says where to begin when the connection breaks.
        if (state.events.length === 0) yield `id: ${state.begin}\n\n`
        for (const { id, data } of state.events) yield `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`
        lastMark = 'begun'
        sentAtMs = performance.now()
      } else if (state !== undefined && !isIdentified && state.mark !== lastMark) {
        lastMark = state.mark
        sentAtMs = performance.now()
        yield `data: ${JSON.stringify(state.data)}\n\n`
      } else if (performance.now() - sentAtMs >= heartbeatMs) {
        // The token may have been revoked since the stream began.
        if (!(await isStillAllowed())) return
        sentAtMs = performance.now()
        yield ': still there\n\n'
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
