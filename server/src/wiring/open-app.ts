// The HTTP application: its handlers, its authentication, and the counts of its replies.
import { isDataPlane } from '@keyhold/contract'
import { Server as Listener } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createRequestKeys } from '../data/request-keys.ts'
import { createBodyBudget } from '../http/bodies/body-budget.ts'
import type { ConsoleFolder } from '../http/console/console-folder.ts'
import type { DocsFolder } from '../http/docs/docs-folder.ts'
import { createLongBodies } from '../http/long-bodies/create-long-bodies.ts'
import { octetStreamHandlers } from '../http/routes/octet-stream-handlers.ts'
import { createApp } from '../http/server/app.ts'
import type { ProbeAnswer, ProbePath } from '../http/connections/answer-probe.ts'
import { probe, type Probes } from '../http/server/probes.ts'
import { createForwardWatch } from '../http/connections/forward-watch.ts'
import { trackSockets } from '../http/connections/open-sockets.ts'
import { scopeKeys, type KeyRequest } from '../http/routes/scoped-keys.ts'
import { createClientAddress, createIsProxy } from '../http/server/client-address.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Readiness } from '../store/connections/readiness.ts'
import type { Timings } from '../timings.ts'
import type { Tls } from '../tls/reloaded-tls.ts'
import {
  createEventHandlers,
  createHandlers,
  type HandlerNeeds,
  type HandlerSettings,
} from './create-handlers.ts'
import type { Callers } from './open-callers.ts'
import type { OpenedSignIn } from './people/open-sign-in.ts'
import { openRateLimits, type RateLimitSettings } from './open-rate-limits.ts'
import { listensOn, type ListensOn } from './listeners/reachable-url.ts'

interface AppNeeds extends Omit<HandlerNeeds, 'keysOf' | 'comeThroughStrangers'> {
  /** The database is older than what this replica knows. */
  isQuarantined: boolean
  /** Undefined: plain HTTP. */
  tls: Tls | undefined
  readiness: Readiness
  events: EventCounts
  timings: Timings
  /** How many replicas share the limits of requests. */
  replicas: () => number
  callers: HandlerNeeds['callers'] & Pick<Callers, 'authenticate' | 'issued' | 'tenantExists' | 'sessions'>
  docs: DocsFolder | undefined
  /** Undefined: there is no file of issuers. */
  signIn: OpenedSignIn | undefined
  consoleSite: ConsoleFolder | undefined
}

export type { ProbeAnswer } from '../http/connections/answer-probe.ts'

export interface OpenedApp {
  /** Answers the URL for clients on this machine, and that of the address on which it listens. */
  listen(): Promise<ListensOn>
  /** As the application answers it itself. */
  probe(path: ProbePath): Promise<ProbeAnswer>
  /** From now on `/readyz` answers 200 while the database answers. */
  setReady(): void
  /** From now on `/readyz` answers 503, and every reply closes its connection. */
  startDraining(): void
  close(): Promise<void>
}

const brandKeptMs = 5_000
const closeMs = 3_000
// How long a stop lets connections stay open before it closes the listener, and answers over them when nobody can open another one.
const keptMs = 1_000
const lastRequestsMs = 1_000
const idleCheckMs = 100
const bytesOfMib = 1_048_576

export function openApp(
  settings: HandlerSettings &
    RateLimitSettings &
    Pick<
      Settings,
      | 'host'
      | 'port'
      | 'requestTimeoutSeconds'
      | 'drainSeconds'
      | 'trustedProxies'
      | 'maxConnections'
      | 'bodyBudgetMib'
      | 'tenantBodyBudgetMib'
      | 'replica'
    >,
  logger: Logger,
  needs: AppNeeds,
): OpenedApp {
  const {
    store,
    keyring,
    keyJobs,
    readiness,
    events,
    rootKey,
    timings,
    replicas,
    callers,
    docs,
    consoleSite,
    issuer,
    tls,
  } = needs
  let isReady = false
  let isDraining = false
  // Whether every reply closes its connection.
  let closesConnections = false
  const keysOf = ({ tenantId, ...request }: KeyRequest) =>
    scopeKeys(createRequestKeys(keyring, tenantId), request)
  const longBodies = createLongBodies()
  const isProxy = createIsProxy(settings.trustedProxies ?? [])
  const forwards = createForwardWatch(isProxy, () => performance.now())
  const probes: Probes = {
    isSealed: rootKey === undefined,
    isQuarantined: needs.isQuarantined,
    isReady: () => isReady,
    isDraining: () => isDraining,
    isRootKeyOutdated: () => store.macs.isOutdated(),
    isDatabaseReady: () => readiness.isReady(),
  }
  const app = createApp({
    ...{ logger, tls },
    connections: {
      isProxy,
      maxConnections: settings.maxConnections,
      refusalPauseMs: timings.connectionRefusalPauseMs,
      onRefused: (scope) => {
        events.connectionRefused(scope)
      },
    },
    bodyBudget: createBodyBudget({
      totalBytes: settings.bodyBudgetMib * bytesOfMib,
      tenantBytes: settings.tenantBodyBudgetMib * bytesOfMib,
      maxWaitMs: timings.bodyWaitMs,
    }),
    requestTimeoutMs: settings.requestTimeoutSeconds * 1_000,
    eventPollMs: timings.eventPollMs,
    tooManyPauseMs: timings.tooManyPauseMs,
    onReply: (routeId, status, elapsedMs) => {
      if (isDataPlane(routeId)) keyJobs.gauge.observe(elapsedMs)
      events.replied(routeId, status, elapsedMs)
    },
    onItems: (routeId, ok, failed) => {
      events.items(routeId, ok, failed)
    },
    onUnauthenticated: (credential) => {
      events.authenticationRefused(credential)
    },
    authenticate: callers.authenticate,
    issued: callers.issued,
    sessions: callers.sessions,
    cookies: callers.sessions.cookies,
    links: callers.sessions.links,
    now: () => store.clock.now(),
    shownCertificate(socket) {
      const presented = tls?.presented(socket)
      return presented?.state === 'trusted' ? presented.certificate : undefined
    },
    clientAddress: createClientAddress(isProxy),
    forwards,
    refuseBeyondLimit: openRateLimits(settings, events, replicas),
    tenantExists: callers.tenantExists,
    probes,
    closesConnections: () => closesConnections,
    keysOf,
    longBodies,
    docs,
    consoleSite,
    issuer,
    signIn: needs.signIn && { ...needs.signIn, ...callers.sessions },
    octetStreams: octetStreamHandlers({ keysOf }),
    brand: { find: () => store.brand.find(), keptMs: brandKeptMs },
    eventHandlers: createEventHandlers(settings, needs),
    handlers: createHandlers(settings, {
      ...{ ...needs, keysOf },
      comeThroughStrangers: (tenantId) => forwards.haveCome(tenantId),
    }),
  })
  const sockets = trackSockets(app.server)
  return {
    async listen() {
      // The framework would make a second server for the other address of this name, without the limits and the TLS of this one.
      const host = settings.host.toLowerCase() === 'localhost' ? '127.0.0.1' : settings.host
      // With a replica beside it: the system deals connections out to all that listen.
      const shared = settings.replica === undefined ? {} : { reusePort: true }
      await app.listen({ host, port: settings.port, ...shared })
      return listensOn(app.server, tls !== undefined)
    },
    probe: (path) => probe(probes, path),
    setReady() {
      isReady = true
    },
    startDraining() {
      isDraining = true
      closesConnections = true
      app.endEventStreams()
    },
    async close() {
      // Who is refused a connection goes to another replica. Who has just opened one that was not accepted yet loses the request,
      // and so does who sends over one at the very moment in which it is closed: a proxy may not send a request again. So whoever
      // still sends keeps connections first, and opens none when the listener closes. Then each gets a last answer, which closes it.
      if (isDraining) {
        const drainMs = settings.drainSeconds * 1_000
        closesConnections = false
        await pause(Math.min(keptMs, drainMs))
        stopListening(app.server)
        closesConnections = true
        await pause(Math.min(lastRequestsMs, drainMs))
      }
      // A connection whose request was under way stays open after its reply.
      const idle = setInterval(() => {
        app.server.closeIdleConnections()
      }, idleCheckMs)
      // Connections that never sent a byte count as busy, and so they come last.
      const closed = setTimeout(() => {
        sockets.destroyAll()
      }, closeMs)
      await app.close()
      clearInterval(idle)
      clearTimeout(closed)
      await longBodies.close()
    },
  }
}

/** Unlike the same function of an HTTP server it leaves silent connections open. */
function stopListening(server: Listener): void {
  Listener.prototype.close.call(server)
}
