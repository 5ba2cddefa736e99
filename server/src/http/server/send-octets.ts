// Answers a body of bytes, on the routes that take one.
import { takesOctets, type RouteId } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { octetStream } from '../bodies/body-parsers.ts'
import type { OctetHandlers } from './handler.ts'
import type { OnItems } from './send-answer.ts'

export interface OctetParts {
  octetStreams: OctetHandlers
  onItems: OnItems
}

/** @throws KeyholdError `ERR_UNSUPPORTED_MEDIA_TYPE` on all other routes */
export async function sendOctets(
  routeId: RouteId,
  { octetStreams, onItems }: OctetParts,
  { authorized, headers }: FastifyRequest,
  bytes: Buffer,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { tenantId, caller } = authorized ?? {}
  if (!takesOctets(routeId) || tenantId === undefined || caller === undefined)
    throw new KeyholdError('ERR_UNSUPPORTED_MEDIA_TYPE')
  const answer = await octetStreams[routeId]({ tenantId, caller, headers, bytes })
  onItems(routeId, 1, 0)
  return reply.header('content-type', octetStream).send(answer)
}
