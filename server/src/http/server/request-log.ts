// What is logged of a request: one line, with these members alone; never a header, a body or a path, which may hold
// secrets.
import { isDataPlane } from '@keyhold/contract'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { ClientErrorRefusal } from './answer-client-error.ts'

/** One line per request of the management API, and of all others only where they were refused or failed. */
export function logResponse(request: FastifyRequest, status: number, durationMs: number): void {
  const { routeId, errorCode: code } = request
  if (routeId === undefined ? code === undefined : status < 400 && isDataPlane(routeId)) return
  request.log.info(
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

/** For what was refused before there was a request. */
export function logClientError(logger: FastifyBaseLogger, refusal: ClientErrorRefusal | undefined): void {
  if (refusal !== undefined) logger.info(refusal, 'request')
}

/** Where it happened and no more: other members of an error may hold values, such as a database error's row. */
export function logInternalError(request: FastifyRequest, cause: unknown): void {
  const stack = cause instanceof Error ? cause.stack : undefined
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  request.log.error({ traceId: request.id, stack, cause: code }, 'internal error')
}
