// Reads a body by its content type: as JSON, or as bytes. All other types are refused. A long body with items stays as it
// is, for the thread that works on it.
import { takesItems } from '@keyhold/contract'
import { isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { runInSlices } from '../../event-loop/run-in-slices.ts'
import { LongBody, longBodyBytes } from '../long-bodies/long-body.ts'
import { lingerAfterAnswer } from '../server/linger.ts'
import { admitBody, announcedBytes, shareOf } from './admit-body.ts'
import type { BodyBudget } from './body-budget.ts'
import { parseBigJson } from './parse-big-json.ts'
import { parseJson } from '../../json/parse-json.ts'
import { readBody } from './read-body.ts'
import { watchArrival } from './watch-arrival.ts'

export const octetStream = 'application/octet-stream'

const charsetParameter = /;\s*charset\s*=\s*"?([^\s";]*)/i

declare module 'fastify' {
  interface FastifyRequest {
    /** The reply of the same request, for what reads the body. */
    reply: FastifyReply | undefined
  }
}

type Done = (error: Error | null, body?: unknown) => void

// After these the rest of the body is not read.
const unreadable: ErrorCode[] = ['ERR_PAYLOAD_TOO_LARGE', 'ERR_REQUEST_TIMEOUT']

// Nobody knows how much more would come.
function close({ raw }: FastifyRequest, reply: FastifyReply): void {
  void reply.header('connection', 'close')
  lingerAfterAnswer(raw)
}

export function registerBodyParsers(app: FastifyInstance, budget: BodyBudget): void {
  app.decorateRequest('reply', undefined)
  app.decorateRequest('heldBody', undefined)
  // Asked before the body is read. The refusal leaves the connection open: what comes is read and dropped.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    request.reply = reply
    const bytes = announcedBytes(request) ?? 0
    if (bytes <= request.routeOptions.bodyLimit) {
      admitBody(budget, request, reply, bytes, done)
      return
    }
    close(request, reply)
    done(new KeyholdError('ERR_PAYLOAD_TOO_LARGE'))
  })

  function read(
    request: FastifyRequest,
    payload: Readable,
    done: (error: Error | null, body?: Buffer) => void,
  ) {
    const maxBytes = request.routeOptions.bodyLimit
    readBody(
      payload,
      {
        announcedBytes: announcedBytes(request),
        maxBytes,
        admitLongest(admitted) {
          if (request.reply === undefined) throw new TypeError('the hook before the parsing sets the reply')
          admitBody(budget, request, request.reply, maxBytes, admitted)
        },
        watch: (bytes, expel) => watchArrival(bytes, () => budget.isWantedByOthers(shareOf(request)), expel),
      },
      (error, body) => {
        const { reply } = request
        if (isKeyholdError(error, ...unreadable) && reply !== undefined) close(request, reply)
        done(error, body)
      },
    )
  }

  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/json-patch+json'],
    (request: FastifyRequest, payload: Readable, done: Done) => {
      read(request, payload, (error, body = Buffer.alloc(0)) => {
        if (error === null) parse(request, body, done)
        else done(error)
      })
    },
  )
  app.addContentTypeParser(octetStream, (request: FastifyRequest, payload: Readable, done: Done) => {
    read(request, payload, (error, body) => {
      done(error, body !== undefined && body.length > longBodyBytes ? new LongBody(body, true) : body)
    })
  })
}

function parse(request: FastifyRequest, body: Buffer, done: Done): void {
  try {
    checkCharset(request.headers['content-type'] ?? '')
    if (body.length > longBodyBytes) {
      if (request.routeId !== undefined && takesItems(request.routeId)) {
        done(null, new LongBody(body, false))
        return
      }
      request.heldBody?.holdFor(parseInSlices(request, body, done))
      return
    }
    // The calls of the original's tutorial announce JSON and send nothing.
    done(null, body.length === 0 ? undefined : parseJson(body))
  } catch (error) {
    done(error as Error)
  }
}

async function parseInSlices({ reply }: FastifyRequest, body: Buffer, done: Done): Promise<void> {
  const hasLeft = () => reply?.raw.closed === true
  let value: unknown
  try {
    value = await runInSlices(parseBigJson(body), () => !hasLeft())
  } catch (error) {
    done(hasLeft() ? new KeyholdError('ERR_INVALID_REQUEST', { cause: error }) : (error as Error))
    return
  }
  done(null, value)
}

// JSON is UTF-8. A caller that announces another character set means other characters than we would read.
function checkCharset(contentType: string): void {
  if (contentType === 'application/json') return
  const charset = charsetParameter.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8'
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) throw new KeyholdError('ERR_UNSUPPORTED_MEDIA_TYPE')
}
