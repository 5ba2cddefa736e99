// Starts and stops a local KMS: an HTTP server on loopback over a store.
import { createServer, type Server } from 'node:http'
import { type CallCount, CallCounts } from './traffic/call-counts.ts'
import { Callers, readPrincipalsFile } from './callers/callers.ts'
import { answer } from './http/answer-request.ts'
import { Faults } from './traffic/faults.ts'
import { KeyStore } from './keys/key-store.ts'
import type { AnsweredCall, CallMatch } from './traffic/observed-call.ts'
import { Regions } from './traffic/regions.ts'
import type { Roles } from './callers/roles.ts'
import { StateFolder } from './keys/state-folder.ts'

export interface LocalKmsOptions {
  /** Default 0: a free port. */
  readonly port?: number
  /** There is no other: key material of a development KMS must not be reachable from a network. */
  readonly host?: '127.0.0.1'
  /** Where keys are kept across restarts, made if missing; without it they live in memory only. */
  readonly dataDir?: string
  /** A JSON file of principals besides the administrators that every account has. */
  readonly principalsFile?: string
  /** Takes a line about each internal failure; default: nothing is written. */
  readonly log?: (line: string) => void
  /** Told of every call with a valid signature as soon as its answer is known, before it is sent. */
  readonly onAnswer?: (call: AnsweredCall) => void
  /** The clock of the keys and of sessions (not of signatures) in milliseconds, for tests that let waiting periods pass. */
  readonly now?: () => number
}

export interface LocalKms {
  /** As in `http://127.0.0.1:4566`: the endpoint for an AWS SDK, whatever the account and Region. */
  readonly url: string
  readonly port: number
  readonly faults: Faults
  /** Takes whole Regions down. */
  readonly regions: Regions
  /** What AssumeRole finds. */
  readonly roles: Roles
  /** The calls that arrived with a valid signature, by operation, Region, caller and keys. */
  callCounts(match?: CallMatch): CallCount[]
  /** How many calls fit. */
  countCalls(match?: CallMatch): number
  resetCallCounts(): void
  /** Ends at once: open connections are cut, hanging calls included. */
  close(): Promise<void>
}

/** @throws Error when the port is taken, the folder is in use or damaged, or the principals are unreadable. */
export async function startLocalKms(options: LocalKmsOptions = {}): Promise<LocalKms> {
  const {
    port = 0,
    host = '127.0.0.1',
    dataDir,
    principalsFile,
    log = () => undefined,
    onAnswer = () => undefined,
    now = Date.now,
  } = options
  const callers = principalsFile === undefined ? new Callers() : readPrincipalsFile(principalsFile)
  const faults = new Faults()
  const regions = new Regions(faults)
  const counts = new CallCounts()
  const folder = dataDir === undefined ? undefined : new StateFolder(dataDir)
  try {
    const store = new KeyStore(folder, now)
    const server = createServer((request, response) => {
      answer({ callers, store, faults, counts, regions, log, onAnswer }, request, response).catch(() => {
        // The client went away while it was sending.
        response.destroy()
      })
    })
    // SDKs keep connections; one closed under a request just sent would look like a fault of the network.
    server.keepAliveTimeout = 120_000
    const actualPort = await listen(server, port, host)
    return {
      url: `http://${host}:${actualPort}`,
      port: actualPort,
      faults,
      regions,
      roles: callers.roles,
      callCounts: (match) => counts.list(match),
      countCalls: (match) => counts.total(match),
      resetCallCounts: () => {
        counts.reset()
      },
      close: async () => {
        await stop(server)
        folder?.close()
      },
    }
  } catch (error) {
    folder?.close()
    throw error
  }
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
