// Answers a long body, which another thread works on.
import { takesItems, takesOctets, type RouteId } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { KeysOf } from '../routes/data-handlers.ts'
import { scopeKeys } from '../routes/scoped-keys.ts'
import { octetStream } from '../bodies/body-parsers.ts'
import type { BodyOrder } from '../long-bodies/body-messages.ts'
import type { LongBodies } from '../long-bodies/create-long-bodies.ts'
import type { LongBody } from '../long-bodies/long-body.ts'
import { createUsedKeys } from '../long-bodies/used-keys.ts'
import { json, type OnItems } from './send-answer.ts'

export interface LongBodyParts {
  longBodies: LongBodies
  keysOf: KeysOf['keysOf']
  onItems: OnItems
}

/**
 * @throws KeyholdError as the routes do; `ERR_UNSUPPORTED_MEDIA_TYPE` for bytes on a route that takes none; `ERR_SERVER_BUSY`
 * where a key has ended meanwhile
 */
export async function sendLongBody(
  routeId: RouteId,
  { longBodies, keysOf, onItems }: LongBodyParts,
  { authorized, headers }: FastifyRequest,
  body: LongBody,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { tenantId, caller } = authorized ?? {}
  const order = orderOf(routeId, headers, body)
  if (order === undefined || tenantId === undefined || caller === undefined)
    throw new KeyholdError('ERR_UNSUPPORTED_MEDIA_TYPE')
  const client = { share: tenantId, answer: reply.raw }
  const permission = order.routeId
  // Those that are asked for once more were permitted before.
  const keys = createUsedKeys(keysOf({ tenantId, caller: {}, permission }))
  const permitted = scopeKeys(keys, { caller, permission })
  const { bytes, ok, failed } = await longBodies.answer(order, permitted, client)
  await keys.confirm()
  onItems(order.routeId, ok, failed)
  const { buffer, byteOffset, byteLength } = bytes
  return reply
    .header('content-type', body.isOctets ? octetStream : json)
    .send(Buffer.from(buffer, byteOffset, byteLength))
}

function orderOf(
  routeId: RouteId,
  { 'keyhold-key-name': keyName, 'keyhold-context': context }: FastifyRequest['headers'],
  { bytes, isOctets }: LongBody,
): BodyOrder | undefined {
  if (!isOctets) return takesItems(routeId) ? { routeId, bytes } : undefined
  const headers = { 'keyhold-key-name': keyName, 'keyhold-context': context }
  return takesOctets(routeId) ? { routeId, bytes, headers } : undefined
}
