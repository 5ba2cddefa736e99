// A body of bytes, on the two routes that take one.
import type { RouteId } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { octetStream } from './body-parsers.ts'
import type { OctetStreamHandlers } from '../routes/octet-stream-handlers.ts'

/** @throws KeyholdError `ERR_UNSUPPORTED_MEDIA_TYPE` on all other routes */
export async function sendOctets(
  routeId: RouteId,
  octetStreams: OctetStreamHandlers,
  { authorized, headers }: FastifyRequest,
  bytes: Buffer,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const tenantId = authorized?.tenantId
  if ((routeId !== 'encrypt' && routeId !== 'decrypt') || tenantId === undefined) {
    throw new KeyholdError('ERR_UNSUPPORTED_MEDIA_TYPE')
  }
  const answer = await octetStreams[routeId]({ tenantId, headers, bytes })
  return reply.header('content-type', octetStream).send(answer)
}
