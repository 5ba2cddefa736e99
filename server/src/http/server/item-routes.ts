// The routes of items, which are called thousands of times a second: where keys and caller are in memory, a request is
// answered in the turn of the event loop in which its body came, without a promise. Otherwise they are as all others.
import { routes, type RouteId } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authorize, type Authorization, type Authorized } from './authorize.ts'
import { checkBody } from './check-request.ts'
import type { Handlers } from './handler.ts'
import { itemReplyJson, type ItemReply } from '../wire/item-reply-json.ts'
import type { OctetStreamHandlers } from '../routes/octet-stream-handlers.ts'
import type { Probes } from './probes.ts'
import { sendOctets } from './send-octets.ts'

export type ItemRouteId = 'encrypt' | 'decrypt' | 'reencrypt'

export function isItemRoute(routeId: RouteId): routeId is ItemRouteId {
  return routeId === 'encrypt' || routeId === 'decrypt' || routeId === 'reencrypt'
}

export interface ItemRouteParts {
  handlers: Pick<Handlers, ItemRouteId>
  octetStreams: OctetStreamHandlers
  authorization: Authorization
  probes: Probes
  onItems: (routeId: ItemRouteId, ok: number, failed: number) => void
}

type ItemAnswer = { body: ItemReply } | Promise<{ body: ItemReply }>

export function registerItemRoute(
  app: FastifyInstance,
  routeId: ItemRouteId,
  { handlers, octetStreams, authorization, probes, onItems }: ItemRouteParts,
): void {
  const route = routes[routeId]
  // The one place where the table's types meet the wire: checkBody has made them true.
  const handle = handlers[routeId] as (call: unknown) => ItemAnswer

  function admit(request: FastifyRequest, authorized: Authorized, done: (error?: Error) => void): void {
    request.authorized = authorized
    if (probes.isSealed) done(new KeyholdError('ERR_SEALED'))
    else done()
  }

  function sendItems(reply: FastifyReply, { body }: { body: ItemReply }): void {
    let failed = 0
    for (const item of body.items) if ('error' in item) failed++
    onItems(routeId, body.items.length - failed, failed)
    void reply.header('content-type', 'application/json; charset=utf-8').send(itemReplyJson(body))
  }

  app.route({
    method: route.method,
    url: route.path,
    onRequest(request, _reply, done) {
      request.routeId = routeId
      const { authorization: bearer, 'keyhold-tenant': tenant } = request.headers
      let authorized: Authorized | Promise<Authorized>
      try {
        authorized = authorize(authorization, route, { authorization: bearer, tenant })
      } catch (error) {
        done(error as Error)
        return
      }
      if (!(authorized instanceof Promise)) {
        admit(request, authorized, done)
        return
      }
      authorized.then((known) => {
        admit(request, known, done)
      }, done)
    },
    handler(request, reply) {
      const { body, authorized, id: traceId } = request
      if (Buffer.isBuffer(body)) {
        return sendOctets(routeId, octetStreams, request, body, reply).then((sent) => {
          onItems(routeId, 1, 0)
          return sent
        })
      }
      const answer = handle({
        ...authorized,
        traceId,
        params: {},
        query: undefined,
        body: checkBody(routeId, body),
      })
      if (!(answer instanceof Promise)) {
        sendItems(reply, answer)
        return
      }
      return answer.then((late) => {
        sendItems(reply, late)
        return reply
      })
    },
  })
}
