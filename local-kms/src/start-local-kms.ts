// Starts and stops a local KMS: an HTTP server on loopback over a store.
import { createServer, type Server } from 'node:http'
import { type Callers, createCallers, type PrincipalRules } from './callers/callers.ts'
import type { GuardrailTable } from './callers/guardrails.ts'
import type { IdentityProviders } from './callers/identity-providers.ts'
import type { OptOuts } from './callers/opt-outs.ts'
import { readPrincipalsFile } from './callers/read-principals-file.ts'
import type { Roles } from './callers/roles.ts'
import { answerRequest, type Endpoint } from './http/answer-request.ts'
import type { BackingFailures } from './keys/backing-failures.ts'
import type { InitialKey } from './keys/initial-key.ts'
import { createKeyStore } from './keys/key-store.ts'
import type { Propagation } from './keys/propagation.ts'
import { openStateFolder, type StateFolder } from './keys/state-folder.ts'
import { type CallCount, createCallCounts } from './traffic/call-counts.ts'
import { createFaults, type Faults } from './traffic/faults.ts'
import type { AnsweredCall, CallMatch } from './traffic/observed-call.ts'
import { createRegions, type Regions } from './traffic/regions.ts'

// SDKs keep connections. A connection that is closed just when a request is sent would look like a fault of the network.
const keepAliveMs = 120_000

export interface LocalKmsOptions {
  /** Default 0: a free port. */
  port?: number
  /** There is no other: key material of a development KMS must not be reachable from a network. */
  host?: '127.0.0.1'
  /** Where keys are kept across restarts; the folder is made if it is missing. Default: they live in memory only. */
  dataDir?: string
  /** A JSON file of principals besides the administrators that every account has. */
  principalsFile?: string
  /** Receives a line about each internal failure. Default: nothing is written. */
  log?: (line: string) => void
  /** Receives every KMS call with a valid signature as soon as its answer is known, before the answer is sent. */
  onAnswer?: (call: AnsweredCall) => void
  /**
   * The clock of keys and sessions (not of signatures) in milliseconds since 1970, for tests in which waiting periods
   * pass. Default: the real one.
   */
  now?: () => number
  /** Keys that are there from the start, beside those of `dataDir`, and that are not written to it. For very many of them. */
  keys?: Iterable<InitialKey>
}

export interface LocalKms {
  /** As in `http://127.0.0.1:4566`: the endpoint for an AWS SDK, whatever the account and Region. */
  url: string
  port: number
  faults: Faults
  /** Takes whole Regions down. */
  regions: Regions
  /** The roles that AssumeRole finds. */
  roles: Roles
  /** The identity providers of accounts, for AssumeRoleWithWebIdentity. */
  identityProviders: IdentityProviders
  /** The policies that limit principals besides their identity policies, and the condition keys of their requests. */
  guardrails: GuardrailTable
  /** Whether principals that policies and grants name must exist. */
  principals: PrincipalRules
  /** The Regions that accounts have not enabled. */
  optOuts: OptOuts
  /** The failures of the clusters and proxies behind custom key stores. */
  backingFailures: BackingFailures
  /** How long changes of policies, states and grants take. */
  propagation: Propagation
  /** The calls that arrived with a valid signature, by operation, Region, caller and keys. */
  callCounts(match?: CallMatch): CallCount[]
  /** How many calls fit. */
  countCalls(match?: CallMatch): number
  resetCallCounts(): void
  /** Ends at once: open connections are cut, hanging calls included. */
  close(): Promise<void>
}

/** @throws Error when the port is taken, the folder is in use or damaged, or the principals are unreadable */
export async function startLocalKms(options: LocalKmsOptions = {}): Promise<LocalKms> {
  const { dataDir, principalsFile } = options
  const callers = principalsFile === undefined ? createCallers() : readPrincipalsFile(principalsFile)
  const folder = dataDir === undefined ? undefined : openStateFolder(dataDir)
  try {
    return await serve(options, callers, folder)
  } catch (error) {
    folder?.close()
    throw error
  }
}

async function serve(
  {
    port = 0,
    host = '127.0.0.1',
    log = () => undefined,
    onAnswer = () => undefined,
    now = Date.now,
    keys,
  }: LocalKmsOptions,
  callers: Callers,
  folder: StateFolder | undefined,
): Promise<LocalKms> {
  const propagation: Propagation = { delayMs: 0 }
  const store = createKeyStore(folder, now, propagation, keys)
  const faults = createFaults()
  const regions = createRegions(faults)
  const counts = createCallCounts()
  const server = createEndpointServer({ callers, store, faults, counts, regions, propagation, log, onAnswer })
  const actualPort = await listen(server, port, host)
  return {
    url: `http://${host}:${actualPort}`,
    port: actualPort,
    faults,
    regions,
    roles: callers.roles,
    identityProviders: callers.identityProviders,
    guardrails: callers.guardrails,
    principals: callers.principals,
    optOuts: callers.optOuts,
    backingFailures: store.backingFailures,
    propagation,
    callCounts: (match) => counts.list(match),
    countCalls: (match) => counts.total(match),
    resetCallCounts() {
      counts.reset()
    },
    async close() {
      await stop(server)
      folder?.close()
    },
  }
}

function createEndpointServer(endpoint: Endpoint): Server {
  const server = createServer((request, response) => {
    answerRequest(endpoint, request, response).catch(() => {
      // The client went away while it was sending.
      response.destroy()
    })
  })
  server.keepAliveTimeout = keepAliveMs
  return server
}

function listen(server: Server, port: number, host: string): Promise<number> {
  if (host !== '127.0.0.1') throw new RangeError(`"host" expected 127.0.0.1, got ${host}`)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // Closing twice is no error.
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}
