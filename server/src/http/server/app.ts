// The HTTP application: exactly the routes of the contract, and a few for machines.
import { limits, routeIds, statusOf, type RouteId } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Server as TlsServer } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { createAllowedMethods } from './allowed-methods.ts'
import { answerClientError } from './answer-client-error.ts'
import type { RefuseBeyondLimit } from '../../access/rate-limits.ts'
import type { Authorization, Authorized } from './authorize.ts'
import type { BodyBudget } from '../bodies/body-budget.ts'
import { registerBodyParsers } from '../bodies/body-parsers.ts'
import type { ConsoleFolder } from '../console/console-folder.ts'
import { registerConsole } from '../console/register-console.ts'
import type { DocsFolder } from '../docs/docs-folder.ts'
import { registerDocs } from '../docs/register-docs.ts'
import type { KeysOf } from '../routes/data-handlers.ts'
import type { LongBodies } from '../long-bodies/create-long-bodies.ts'
import {
  credentialOf,
  findCertificateFault,
  type RefusedCredential,
} from '../connections/check-certificate.ts'
import { findHeaderFault } from './check-headers.ts'
import { errorReply, toKeyholdError } from './error-reply.ts'
import { createEventStreams } from './event-streams.ts'
import type { EventHandlers, Handlers, OctetHandlers } from './handler.ts'
import { limitConnections, type ConnectionLimitOptions } from '../connections/limit-connections.ts'
import { isLingering, lingerAfterAnswer } from './linger.ts'
import { newTraceId } from './new-trace-id.ts'
import { probe, registerProbes, type Probes } from './probes.ts'
import { registerRoute } from './register-route.ts'
import { createRequestLog, type RequestLog } from '../log/request-log.ts'
import type { Tls } from '../../tls/reloaded-tls.ts'
import { onEveryReply } from './reply-headers.ts'
import { registerBrand, type BrandSource } from '../brand/serve-brand.ts'
import { registerIssuer, type ServedIssuer } from './serve-issuer.ts'
import { registerSignIn, type SignInParts } from '../sign-in/register-sign-in.ts'
import type { OnItems } from './send-answer.ts'

declare module 'fastify' {
  interface FastifyRequest {
    routeId: RouteId | undefined
    authorized: Authorized | undefined
    errorCode: string | undefined
  }
  interface FastifyInstance {
    /** Ends all streams of events. Later ones end at once. */
    endEventStreams: () => void
  }
}

export interface AppParts extends Authorization {
  handlers: Handlers
  octetStreams: OctetHandlers
  eventHandlers: EventHandlers
  refuseBeyondLimit: RefuseBeyondLimit
  probes: Probes
  /** Whether every reply closes its connection now. */
  closesConnections: () => boolean
  logger: FastifyBaseLogger
  connections: Omit<ConnectionLimitOptions, 'isTls'>
  /** Undefined: it speaks plain HTTP. */
  tls: Tls | undefined
  bodyBudget: BodyBudget
  /** A request must arrive whole within this time. */
  requestTimeoutMs: number
  /** Between two looks at the key job that a stream of events watches. */
  eventPollMs: number
  /** Before a reply that says that there were too many requests. */
  tooManyPauseMs: number
  /** Is called after every reply on a route, with its status and how long it took. */
  onReply: (routeId: RouteId, status: number, elapsedMs: number) => void
  onItems: OnItems
  /** Is called for each request that is refused for lack of a caller. */
  onUnauthenticated: (credential: RefusedCredential) => void
  longBodies: LongBodies
  keysOf: KeysOf['keysOf']
  /** Undefined: it is not installed. */
  docs: DocsFolder | undefined
  /** Undefined: it is not installed. */
  consoleSite: ConsoleFolder | undefined
  /** Undefined: this installation is none. */
  issuer: ServedIssuer | undefined
  brand: BrandSource
  /** Undefined: nobody signs in with an identity provider. */
  signIn: Omit<SignInParts, 'clientAddress'> | undefined
}

// Too long parameters must reach us, for a 414. The HTTP parser limits the path and all headers to 16 KiB.
const maxParamLength = 16_384
// An idle connection is closed after this many request time-outs: a client may be slow to read, but not for ever.
const idleTimeouts = 4
const maxCheckIntervalMs = 5_000
const tooManyRequests = 429
const unauthenticated = 401

export function createApp({
  handlers,
  octetStreams,
  eventHandlers,
  refuseBeyondLimit,
  probes,
  closesConnections,
  logger,
  connections,
  tls,
  bodyBudget,
  requestTimeoutMs,
  eventPollMs,
  tooManyPauseMs,
  onReply,
  onItems,
  onUnauthenticated,
  longBodies,
  keysOf,
  docs,
  consoleSite,
  issuer,
  brand,
  signIn,
  ...authorization
}: AppParts): FastifyInstance {
  const log = createRequestLog(logger, authorization.clientAddress)
  const app: FastifyInstance = Fastify({
    loggerInstance: withoutChildren(logger),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.maxManagementBodyBytes,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: idleTimeouts * requestTimeoutMs,
    [tls === undefined ? 'http' : 'https']: {
      ...tls?.options,
      headersTimeout: requestTimeoutMs,
      // A time-out is noticed this late at most.
      connectionsCheckingInterval: Math.min(maxCheckIntervalMs, requestTimeoutMs / 4),
      // Node's own refusal would not be in the envelope.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength, caseSensitive: true },
    exposeHeadRoutes: false,
    genReqId: newTraceId,
    // While the server drains, it serves requests on open connections. The framework's refusal is not in the envelope.
    return503OnClosing: false,
    // A path that cannot be decoded comes here without passing any hook.
    frameworkErrors: (thrown, request, reply) => {
      void sendError(log, thrown, request, reply.headers({ 'x-b3-traceid': request.id, ...onEveryReply }))
      log.response(request, reply.statusCode, 0)
    },
    clientErrorHandler: (error, socket) => {
      log.clientError(answerClientError(error, socket))
    },
  })
  if (tls !== undefined) tls.attach(app.server as unknown as TlsServer)
  limitConnections(app.server, { ...connections, isTls: tls !== undefined }, (path) => probe(probes, path))
  // Node's own refusal has no body. RFC 9110 section 10.1.1 lets a server ignore an expectation that it does not know.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.decorateRequest('routeId', undefined)
  app.decorateRequest('authorized', undefined)
  app.decorateRequest('errorCode', undefined)

  registerBodyParsers(app, bodyBudget)

  const allowedMethods = createAllowedMethods()
  app.addHook('onRoute', ({ method, url }) => {
    allowedMethods.add(method, url)
  })

  // These hooks take a callback, because a promise would cost more than their work.
  app.addHook('onRequest', (request, reply, done) => {
    if (isLingering(request.raw.socket)) {
      reply.hijack()
      return
    }
    void reply.headers({ 'x-b3-traceid': request.id, ...onEveryReply })
    if (closesConnections()) void reply.header('connection', 'close')
    // Refused before the body is read, so that nobody sends 32 MiB to no route.
    const fault = findCertificateFault(tls, request) ?? findHeaderFault(request.raw)
    if (fault !== undefined && request.headers['transfer-encoding'] !== undefined) {
      // Nobody knows where its body ends: what follows is no request of this client's.
      lingerAfterAnswer(request.raw)
      void reply.header('connection', 'close')
    }
    done(fault ?? (request.is404 ? allowedMethods.refusal(request.url) : undefined))
  })
  app.addHook('onResponse', (request, reply, done) => {
    log.response(request, reply.statusCode, reply.elapsedTime)
    if (reply.statusCode === unauthenticated) onUnauthenticated(credentialOf(tls, request))
    if (request.routeId !== undefined) onReply(request.routeId, reply.statusCode, reply.elapsedTime)
    done()
  })
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = toKeyholdError(thrown)
    // Whoever is refused for sending too much, and sends again at once, would keep this replica busy with refusals.
    if (statusOf(error.code, request.routeId) === tooManyRequests) await setTimeout(tooManyPauseMs)
    return sendError(log, error, request, reply)
  })

  // A path that a route takes and finds nothing for: the hook above knows the others.
  app.setNotFoundHandler(() => {
    throw new KeyholdError('ERR_ROUTE_NOT_FOUND')
  })

  const eventStreams = createEventStreams({
    idleTimeoutMs: idleTimeouts * requestTimeoutMs,
    pollMs: eventPollMs,
  })
  app.decorate('endEventStreams', () => {
    eventStreams.close()
  })
  app.addHook('onClose', (_app, done) => {
    log.flush()
    done()
  })
  app.addHook('preClose', (done) => {
    eventStreams.close()
    done()
  })

  registerProbes(app, probes)
  registerDocs(app, docs)
  registerConsole(app, consoleSite)
  registerIssuer(app, issuer)
  registerBrand(app, brand)
  registerSignIn(app, signIn && { ...signIn, clientAddress: authorization.clientAddress })
  const routeParts = {
    ...{ handlers, octetStreams, eventHandlers, eventStreams, authorization },
    ...{ refuseBeyondLimit, probes, onItems, longBodies, keysOf },
  }
  for (const routeId of routeIds) registerRoute(app, routeId, routeParts)
  return app
}

// The framework makes a child logger for each request. None is needed, because each line names what it needs of the
// request. A factory of our own would work too, but the framework would check its result for every request.
function withoutChildren(logger: FastifyBaseLogger): FastifyBaseLogger {
  const childless = Object.create(logger) as FastifyBaseLogger
  childless.child = () => childless
  return childless
}

function sendError(
  log: RequestLog,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error = toKeyholdError(thrown)
  request.errorCode = error.code
  if (error.code === 'ERR_INTERNAL') log.internalError(request, error.cause)
  const { status, headers, body } = errorReply(error, request.id, request.routeId)
  return reply
    .code(status)
    .headers({ ...headers, 'content-type': 'application/json; charset=utf-8' })
    .send(JSON.stringify(body))
}
