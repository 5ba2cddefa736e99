// Logs a request in one line, with these members only. A header, a body or a path is never logged, because it may hold
// secrets.
import { isDataPlane } from '@keyhold/contract'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { SocketRefusal } from './refuse-socket.ts'

/** Logs every request of the management API. Requests of the data plane are logged only if they were refused or failed. */
export function logResponse(request: FastifyRequest, status: number, durationMs: number): void {
  const { routeId, errorCode: code } = request
  if (routeId === undefined ? code === undefined : status < 400 && isDataPlane(routeId)) return
  request.log[levelOf(status)](
    {
      traceId: request.id,
      routeId,
      tenantId: request.authorized?.tenantId,
      apiKeyId: request.authorized?.caller.apiKeyId,
      status,
      code,
      durationMs: Math.round(durationMs),
    },
    'request',
  )
}

/** Logs a refusal that happened before there was a request. */
export function logClientError(logger: FastifyBaseLogger, refusal: SocketRefusal | undefined): void {
  if (refusal !== undefined) logger[levelOf(refusal.status)](refusal, 'request')
}

/** An operator looks for failures by their level. Those of the server itself are errors; others pass. */
function levelOf(status: number): 'info' | 'warn' | 'error' {
  if (status < 500) return 'info'
  return status === 500 ? 'error' : 'warn'
}

/** Logs only where the error happened. Other members may hold values, such as the row in a database error. */
export function logInternalError(request: FastifyRequest, cause: unknown): void {
  const stack = cause instanceof Error ? cause.stack : undefined
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  request.log.error({ traceId: request.id, stack, cause: code }, 'internal error')
}
