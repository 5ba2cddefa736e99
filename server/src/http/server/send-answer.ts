// Sends the answer of a handler. The framework's serializer is not used: it drops the body of a 205, which clients of
// the original read.
import type { ItemRouteId } from '@keyhold/contract'
import type { FastifyReply } from 'fastify'
import { andThen } from '../../event-loop/and-then.ts'
import { itemReplyJson, type ItemReply } from '../wire/item-reply-json.ts'

export interface Answer {
  status: number
  /** Null: none. */
  body: unknown
  headers?: Readonly<Record<string, string>>
}

/** Is called with the number of items that succeeded and that failed. */
export type OnItems = (routeId: ItemRouteId, ok: number, failed: number) => void

export const json = 'application/json; charset=utf-8'

export function sendJson(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
  if (headers !== undefined) void reply.headers(headers)
  if (body === null) return reply.code(status).send()
  return reply.code(status).header('content-type', json).send(JSON.stringify(body))
}

/** Makes the function that sends items and counts them. */
export function sendItems(
  routeId: ItemRouteId,
  onItems: OnItems,
): (reply: FastifyReply, answer: Answer) => FastifyReply | Promise<FastifyReply> {
  return (reply, { status, body }) => {
    // The handlers of these routes answer with items alone; their types say so.
    const items = body as ItemReply
    let failed = 0
    for (const item of items.items) if ('error' in item) failed++
    onItems(routeId, items.items.length - failed, failed)
    void reply.code(status).header('content-type', json)
    return andThen(itemReplyJson(items), (text) => reply.send(text))
  }
}
