// Registers one route of the contract. The caller is authorized, and its rate limit asked, before the body is read. Then
// the call is checked, handled and answered.
//
// Items arrive thousands of times a second. If keys and caller are in memory, such a request is answered in the same turn
// of the event loop in which its body arrived. So nothing here makes a promise that it does not need.
import {
  isDataPlane,
  isEventRoute,
  isKillSwitch,
  limits,
  rateLimitOf,
  routes,
  takesItems,
  takesOctets,
  type Route,
  type RouteId,
} from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RefuseBeyondLimit } from '../../access/rate-limits.ts'
import { killSwitchShare, onShare, ownShares } from '../../store/connections/connection-user.ts'
import { isDatabaseUnavailable } from '../../store/database.ts'
import type { LongBodies } from '../long-bodies/create-long-bodies.ts'
import { LongBody } from '../long-bodies/long-body.ts'
import { authorize, type Authorization, type Authorized } from './authorize.ts'
import { checkBody, checkParams, checkQuery } from './check-request.ts'
import type { EventStreams } from './event-streams.ts'
import type { EventHandlers, Handlers, OctetHandlers } from './handler.ts'
import { originOf } from '../log/request-origin.ts'
import type { Probes } from './probes.ts'
import { sendItems, sendJson, type Answer, type OnItems } from './send-answer.ts'
import { sendLongBody } from './send-long-body.ts'
import { sendOctets } from './send-octets.ts'
import type { KeysOf } from '../routes/data-handlers.ts'

export interface RouteParts {
  handlers: Handlers
  octetStreams: OctetHandlers
  eventHandlers: EventHandlers
  eventStreams: EventStreams
  authorization: Authorization
  refuseBeyondLimit: RefuseBeyondLimit
  probes: Probes
  onItems: OnItems
  longBodies: LongBodies
  keysOf: KeysOf['keysOf']
}

// Here the types of the table meet the wire. The casts are true because checkedCall checks every part of a call.
type Handle<Result> = (call: unknown) => Result | Promise<Result>

export function registerRoute(app: FastifyInstance, routeId: RouteId, parts: RouteParts): void {
  const route: Route = routes[routeId]
  const { authorization, refuseBeyondLimit, probes } = parts
  const limit = rateLimitOf(routeId)
  const answer = isEventRoute(routeId) ? eventAnswer(routeId, parts) : plainAnswer(routeId, parts)

  app.route({
    method: route.method,
    url: route.path,
    ...(takesItems(routeId) || takesOctets(routeId) ? { bodyLimit: limits.maxBodyBytes } : {}),
    onRequest(request, _reply, done) {
      request.routeId = routeId
      function admit(authorized: Authorized): void {
        request.authorized = authorized
        authorization.forwards.note(request.raw, authorized.caller.tenantId)
        if (probes.isQuarantined) done(new KeyholdError('ERR_QUARANTINED'))
        else if (probes.isSealed) done(new KeyholdError('ERR_SEALED'))
        else done(refuseBeyondLimit(limit, authorized))
      }
      let authorized: Authorized | Promise<Authorized>
      try {
        authorized = authorizeRequest(authorization, route, request)
      } catch (error) {
        done(error as Error)
        return
      }
      if (authorized instanceof Promise) authorized.then(admit, done)
      else admit(authorized)
    },
    handler(request, reply) {
      const { body } = request
      const answered = onShareOf(routeId, request, () =>
        Buffer.isBuffer(body)
          ? sendOctets(routeId, parts, request, body, reply)
          : body instanceof LongBody
            ? sendLongBody(routeId, parts, request, body, reply)
            : answer(request, reply),
      )
      if (answered !== undefined) request.heldBody?.holdFor(answered)
      return answered
    },
  })
}

type AnswerRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> | undefined

function plainAnswer(
  routeId: keyof Handlers,
  { handlers, onItems, authorization }: RouteParts,
): AnswerRequest {
  const handle = handlers[routeId] as Handle<Answer>
  const send = takesItems(routeId) ? sendItems(routeId, onItems) : sendJson
  return (request, reply) => {
    const answer = handle(checkedCall(routeId, authorization, request))
    if (answer instanceof Promise) return answer.then((late) => send(reply, late))
    const sent = send(reply, answer)
    return sent instanceof Promise ? sent : undefined
  }
}

function eventAnswer(
  routeId: keyof EventHandlers,
  { eventHandlers, eventStreams, authorization }: RouteParts,
): AnswerRequest {
  const startWatch = eventHandlers[routeId] as (call: unknown) => ReturnType<EventHandlers[typeof routeId]>
  return async (request, reply) => {
    const watch = await startWatch(checkedCall(routeId, authorization, request))
    async function isStillAllowed(): Promise<boolean> {
      try {
        // A stream that is open does not keep a session from ending whose owner does nothing.
        await authorizeRequest(authorization, routes[routeId], request, true)
        return true
      } catch (error) {
        return isDatabaseUnavailable(error)
      }
    }
    const tenantId = request.authorized?.tenantId ?? ''
    return eventStreams.send(reply, tenantId, () => onShareOf(routeId, request, watch), isStillAllowed)
  }
}

function authorizeRequest(
  authorization: Authorization,
  route: Route,
  request: FastifyRequest,
  isOngoing = false,
) {
  const { raw } = request
  const { authorization: bearer, 'keyhold-tenant': tenant } = request.headers
  return onShare(ownShares.callers, false, () =>
    authorize(
      authorization,
      route,
      { ...browserRequestOf(request), authorization: bearer, tenant, isOngoing },
      {
        client: () => authorization.clientAddress(raw)?.client ?? '',
        full: () => authorization.clientAddress(raw)?.text ?? '',
      },
      () => authorization.shownCertificate(raw.socket),
    ),
  )
}

function browserRequestOf({ method, headers }: FastifyRequest) {
  const { origin, 'sec-fetch-site': fetchSite, 'qlik-csrf-token': csrfToken, cookie, host } = headers
  return { method, origin, fetchSite, csrfToken, cookie, host }
}

// Routes that manage things read many rows or wait for locks. The data plane reads one row at a time. The kill switch does
// not stand in the lines of what it ends.
function onShareOf<Result>(routeId: RouteId, { authorized }: FastifyRequest, work: () => Result): Result {
  const share = authorized?.tenantId ?? ownShares.operators
  if (isKillSwitch(routeId)) return onShare(killSwitchShare(share), false, work)
  return onShare(share, !isDataPlane(routeId), work)
}

function checkedCall(routeId: RouteId, { clientAddress }: Authorization, request: FastifyRequest): object {
  const params = request.params as Record<string, string>
  checkParams(params)
  return {
    ...request.authorized,
    traceId: request.id,
    origin: () => originOf(request, clientAddress),
    browser: () => browserRequestOf(request),
    params,
    query: checkQuery(routeId, request.query),
    body: checkBody(routeId, request.body),
    lastEventId: textOf(request.headers['last-event-id']),
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
