// Logs a request in one line, with these members only. A body, a path or a header is never logged, because it may hold secrets; but
// for the name of the client's program, of a request that was refused.
import { isDataPlane } from '@keyhold/contract'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import type { ClientAddress } from '../server/client-address.ts'
import { createRepeats } from './repeats.ts'
import { originOf } from './request-origin.ts'
import type { SocketRefusal } from '../server/refuse-socket.ts'

export interface RequestLog {
  /**
   * Logs every request of the management API. Requests of the data plane are logged only if they were refused or failed. Of
   * failures of the server the same again is counted.
   */
  response(request: FastifyRequest, status: number, durationMs: number): void
  /** Logs a refusal that happened before there was a request. */
  clientError(refusal: SocketRefusal | undefined): void
  /** Logs only where the error happened. Other members may hold values, such as the row in a database error. */
  internalError(request: FastifyRequest, cause: unknown): void
  /** Logs what was counted and not told yet. */
  flush(): void
}

export function createRequestLog(logger: FastifyBaseLogger, clientAddress: ClientAddress): RequestLog {
  const repeats = createRepeats<object>((facts, times) => {
    logger.warn({ ...facts, times }, 'request: the same again')
  })

  return {
    response(request, status, durationMs) {
      const { routeId, errorCode: code, authorized } = request
      if (routeId === undefined ? code === undefined : status < 400 && isDataPlane(routeId)) return
      const tenantId = authorized?.tenantId
      const facts = {
        traceId: request.id,
        ...{ routeId, tenantId, ...callerFacts(authorized?.caller), status, code },
        durationMs: Math.round(durationMs),
        ...(status >= 400 && originOf(request, clientAddress)),
      }
      const key = [routeId, code, tenantId].join(' ')
      if (status < 500 || repeats.isFirst(key, { routeId, tenantId, status, code }))
        logger[levelOf(status)](facts, 'request')
    },
    clientError(refusal) {
      if (refusal !== undefined) logger[levelOf(refusal.status)](refusal, 'request')
    },
    internalError(request, cause) {
      const stack = cause instanceof Error ? [cause.name, ...framesOf(cause)].join('\n') : undefined
      const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
      logger.error({ traceId: request.id, stack, cause: code }, 'internal error')
    },
    flush: repeats.flush.bind(repeats),
  }
}

/** The stack begins with the message, in which PostgreSQL and parsers repeat what they were given. */
function framesOf({ stack = '' }: Error): string[] {
  return stack.split('\n').filter((line) => /^ {4}at .+:\d+:\d+\)?$/.test(line))
}

/** API keys are found by their id alone, as before there were others. */
function callerFacts(caller: Caller | undefined): object {
  if (caller === undefined) return {}
  const { kind, id, name } = caller
  return kind === 'api-key' ? { apiKeyId: id } : { callerKind: kind, callerId: id, callerName: name }
}

/** An operator looks for failures by their level. Those of the server itself are errors; others pass. */
function levelOf(status: number): 'info' | 'warn' | 'error' {
  if (status < 500) return 'info'
  return status === 500 ? 'error' : 'warn'
}
