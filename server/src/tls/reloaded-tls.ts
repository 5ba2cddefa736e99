// TLS of all listeners of this process. Certificates, keys, CAs and revocation lists are exchanged while it serves: connections that
// are open go on, and new ones get the new files. What cannot be used changes nothing.
import type { KeyholdError } from '@keyhold/core'
import type { Server, ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { machineNow } from './machine-now.ts'
import { presentedCertificate, type PresentedCertificate } from './client-certificate.ts'
import { readTlsFiles, type TlsPlaces } from './read-tls-files.ts'
import { createRetirement, type ConnectionRetirement } from './retire-connections.ts'
import { createTlsContext, type TlsContext, type TlsRules, type TlsTexts } from './tls-context.ts'
import { watchFolders } from './watch-folders.ts'

/** Whether clients show a certificate. */
export type ClientCertificates = 'none' | 'optional' | 'required'

/** Why the certificate of a connection does not do. */
export type CertificateRefusal = 'missing' | 'untrusted'

export interface Tls {
  /** The whole options, as they are now, for a server that begins. */
  readonly options: ServerOptions
  /** The server takes part in reloads. Call it before it listens. */
  attach(server: Server): void
  /** The certificate of the client of a connection. */
  presented(socket: Socket): PresentedCertificate
  /** Undefined: the connection may ask. */
  refusal(socket: Socket): CertificateRefusal | undefined
  ends(): TlsContext['ends']
  /** Whether the files cannot be used as they are now, so that what was read before serves. */
  isOutdated(): boolean
  close(): void
}

export interface TlsOptions extends Pick<TlsRules, 'minVersion'> {
  places: TlsPlaces
  clientCertificates: ClientCertificates
  looseModeOf: (mode: number) => string | undefined
  onReloaded: () => void
  /** Is called once for each content of the files that cannot be used. */
  onKept: (error: KeyholdError | Error) => void
  /** A client has sent plain HTTP to a server of TLS. */
  onPlainHttp: () => void
}

// The clock of the machine may be set meanwhile.
const longestWaitMs = 10_000

/** @throws KeyholdError `ERR_CONFIG_INVALID` for files that cannot be used */
export async function openTls(given: TlsOptions): Promise<Tls> {
  const { places, minVersion, clientCertificates, looseModeOf } = given
  const rules = { minVersion, asksClients: clientCertificates !== 'none' }
  const servers: { server: Server; retirement: ConnectionRetirement | undefined }[] = []
  let texts = await readTlsFiles(places, looseModeOf)
  let context = createTlsContext(texts, rules)
  let keptFor: string | undefined
  let judgedAtMs = machineNow()
  let crlTimer: NodeJS.Timeout | undefined
  let isClosed = false

  /** Clients are judged anew from now on, those of open connections too. */
  function judgeAnew(isOtherTrust: boolean): void {
    for (const { server, retirement } of servers) {
      // It also ends the resumption of sessions that began before.
      server.setSecureContext(context.options)
      if (isOtherTrust) retirement?.retire()
    }
  }

  // Nobody knows who was revoked since a list is overdue. A new handshake is refused then, and so must be what goes on without one.
  function awaitOverdueLists(): void {
    clearTimeout(crlTimer)
    const { crlEndsAtMs } = context
    // A reload may end after the close.
    if (isClosed || crlEndsAtMs.length === 0) return
    const sinceMs = judgedAtMs
    judgedAtMs = machineNow()
    if (crlEndsAtMs.some((atMs) => atMs >= sinceMs && atMs < judgedAtMs)) judgeAnew(true)
    const nextMs = Math.min(...crlEndsAtMs.filter((atMs) => atMs >= judgedAtMs)) - judgedAtMs + 1
    crlTimer = setTimeout(awaitOverdueLists, Math.min(nextMs, longestWaitMs)).unref()
  }

  async function reload(): Promise<void> {
    try {
      const newTexts = await readTlsFiles(places, looseModeOf)
      if (!isSame(newTexts, texts)) {
        context = createTlsContext(newTexts, rules)
        const isOtherTrust = newTexts.clientCa !== texts.clientCa || newTexts.clientCrl !== texts.clientCrl
        texts = newTexts
        judgeAnew(isOtherTrust)
        awaitOverdueLists()
        given.onReloaded()
      }
      keptFor = undefined
    } catch (error) {
      const { message } = error as Error
      if (message !== keptFor) given.onKept(error as Error)
      keptFor = message
    }
  }

  const presented = (socket: Socket) => presentedCertificate(socket, context.authorities)

  const files = Object.values(places).filter((place) => place !== undefined)
  const watch = watchFolders(files, reload)
  awaitOverdueLists()

  return {
    get options() {
      return context.options
    },
    attach(server) {
      servers.push({
        server,
        retirement: rules.asksClients ? createRetirement(server, presented) : undefined,
      })
      // Before whoever would answer: no words arrive without a handshake, and waiting for them would keep the connection open.
      server.prependListener('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
        socket.destroy()
        if (error.code === 'ERR_SSL_HTTP_REQUEST') given.onPlainHttp()
      })
    },
    presented,
    refusal(socket) {
      if (!rules.asksClients) return undefined
      const { state } = presented(socket)
      if (state === 'untrusted') return 'untrusted'
      return state === 'none' && clientCertificates === 'required' ? 'missing' : undefined
    },
    ends: () => context.ends,
    isOutdated: () => keptFor !== undefined,
    close() {
      isClosed = true
      clearTimeout(crlTimer)
      watch.close()
    },
  }
}

function isSame(one: TlsTexts, other: TlsTexts): boolean {
  return (['certificate', 'key', 'clientCa', 'clientCrl'] as const).every((name) => one[name] === other[name])
}
