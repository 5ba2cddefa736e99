// Checks of all that stands between this machine and its Keyhold, from near to far.
import { proxyFor } from '@keyhold/core/proxy-for'
import { KeyholdApiError } from '@keyhold/client'
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import tls from 'node:tls'
import { contextFile, readContexts } from '../contexts/context-file.ts'
import { readProxyRules } from '../environment.ts'
import { hintFor } from '../errors/hint-for.ts'
import type { GlobalOptions } from '../global-options.ts'
import { chooseServer, shownUrl, type ChosenServer } from '../session/choose-server.ts'
import { connectionTo } from '../session/connection.ts'
import { readToken } from '../session/read-token.ts'
import { trustAuthoritiesIn } from '../session/trust-authorities.ts'
import { verifyToken } from '../session/verify-token.ts'
import type { Shell } from '../shell.ts'
import { fail, ok, warn, type Check } from './checks.ts'

const oldestNode = [22, 13] as const
const maxSkewMs = 30_000
const certificateWarnDays = 21
const dayMs = 86_400_000

/** @param version - of this command line */
export function clientChecks(shell: Shell, globals: GlobalOptions, version: string): Check[] {
  let chosen: ChosenServer | undefined
  const server = (): URL | undefined => (chosen && URL.canParse(chosen.url) ? new URL(chosen.url) : undefined)
  const proxy = (): URL | undefined => {
    const url = server()
    return url && proxyFor(url, readProxyRules(shell))
  }
  const send = async (path: string, signal: AbortSignal): Promise<Response | undefined> => {
    if (chosen === undefined) return undefined
    const { fetch: through = fetch } = connectionTo(
      shell,
      { ...globals, ...chosen.files },
      chosen.url,
      'none',
    )
    return through(new URL(path, `${shownUrl(chosen.url)}/`), { signal, redirect: 'manual' })
  }
  return [
    {
      name: 'version',
      look() {
        const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
        const seen = `keyhold ${version}, Node.js ${process.versions.node}`
        const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
        return Promise.resolve(
          isOld ? fail(seen, `install Node.js ${oldestNode.join('.')} or later`) : ok(seen),
        )
      },
    },
    {
      name: 'contexts',
      async look() {
        const { byName, current } = await readContexts(shell)
        const file = contextFile(shell)
        if (file === undefined || byName.size === 0) return ok('none are kept')
        return ok(
          `${byName.size} in ${file}, ${current === undefined ? 'none is current' : `current: ${current}`}`,
        )
      },
    },
    {
      name: 'server',
      async look() {
        chosen = await chooseServer(shell, globals)
        const seen = `${shownUrl(chosen.url)}, by ${chosen.from}`
        const url = server()
        if (url === undefined || !/^https?:$/.test(url.protocol))
          return fail(`${chosen.from} has no usable URL`, 'it begins with https:// or http://')
        if (url.username !== '' || url.password !== '')
          return fail(`${seen}, with a user or a password in the URL`, 'leave them out: the token is enough')
        if (url.protocol === 'https:' || isLoopback(url.hostname)) return ok(seen)
        return warn(`${seen}: plain http, which everybody in between can read`, 'use https')
      },
    },
    {
      name: 'proxy',
      look: () => {
        const through = proxy()
        const direct = server() === undefined ? undefined : ok('none: the server is called directly')
        return Promise.resolve(through === undefined ? direct : ok(`${through.host}, by HTTPS_PROXY`))
      },
    },
    {
      name: 'dns',
      async look() {
        const target = proxy() ?? server()
        const host = target && bareHost(target)
        if (host === undefined || net.isIP(host) !== 0) return undefined
        const addresses = await lookup(host, { all: true })
        return ok(`${host} is ${addresses.map(({ address }) => address).join(', ')}`)
      },
    },
    {
      name: 'connection',
      async look(signal) {
        const target = proxy() ?? server()
        if (target === undefined) return undefined
        const port = portOf(target)
        const start = performance.now()
        await opened(net.connect({ host: bareHost(target), port, signal }), 'connect')
        return ok(`${bareHost(target)} port ${port} in ${Math.round(performance.now() - start)} ms`)
      },
    },
    {
      name: 'tls',
      look(signal) {
        const url = server()
        const caFile = chosen?.files.caFile ?? globals.caFile
        if (caFile !== undefined) trustAuthoritiesIn(caFile)
        return url?.protocol === 'https:' && proxy() === undefined
          ? lookAtCertificate(url, globals.insecure === true, signal)
          : Promise.resolve(undefined)
      },
    },
    {
      name: 'ready',
      async look(signal) {
        const response = await send('readyz', signal)
        if (response === undefined) return undefined
        await response.body?.cancel()
        if (response.ok) return ok('the server takes requests')
        if (response.status === 503)
          return warn(
            'the server answers 503: it starts, stops, is sealed, or has no database',
            'look at its log',
          )
        return fail(`GET /readyz answers ${response.status}`, 'is this the address of a Keyhold?')
      },
    },
    {
      name: 'clock',
      async look(signal) {
        const start = Date.now()
        const response = await send('livez', signal)
        const end = Date.now()
        await response?.body?.cancel()
        const theirs = Date.parse(response?.headers.get('date') ?? '')
        if (Number.isNaN(theirs))
          return response && warn('the server does not say its time', 'compare the clocks by hand')
        // The header has whole seconds.
        const skewMs = Math.max(0, Math.abs((start + end) / 2 - (theirs + 500)) - 500 - (end - start) / 2)
        const seen = `${(skewMs / 1_000).toFixed(1)} s apart from the server's`
        return skewMs > maxSkewMs
          ? warn(seen, 'set the clock of this machine, or of the server, by NTP')
          : ok(seen)
      },
    },
    {
      name: 'token',
      async look() {
        if (chosen === undefined) return undefined
        const { token, from } = await readToken(shell, globals, chosen, 'tenant-admin')
        try {
          const { role } = await verifyToken(
            connectionTo(shell, { ...globals, ...chosen.files }, chosen.url, token),
          )
          return ok(`${from}: accepted${role === undefined ? '' : `, of the role ${role}`}`)
        } catch (error) {
          if (!(error instanceof KeyholdApiError)) throw error
          return fail(
            `${from}: ${error.message} (${error.code})`,
            hintFor(error) ?? 'see what the message names',
          )
        }
      },
    },
  ]
}

async function lookAtCertificate(url: URL, insecure: boolean, signal: AbortSignal) {
  const host = bareHost(url)
  const servername = net.isIP(host) === 0 ? { servername: host } : {}
  const socket = tls.connect({ host, port: portOf(url), rejectUnauthorized: false, ...servername })
  signal.addEventListener('abort', () => socket.destroy(), { once: true })
  try {
    await opened(socket, 'secureConnect', false)
    const certificate = socket.getPeerCertificate()
    const days = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / dayMs)
    const seen = `${socket.getProtocol() ?? 'TLS'}, valid for ${days} days`
    if (!socket.authorized) {
      const why = String(socket.authorizationError)
      const advice = "name your own authority's certificate with --ca-file, or correct the certificate"
      return insecure
        ? warn(`${seen}, not verified (${why}), as --insecure wants`, advice)
        : fail(`${seen}, not to be trusted: ${why}`, advice)
    }
    return days < certificateWarnDays ? warn(seen, "renew the server's certificate") : ok(seen)
  } finally {
    socket.destroy()
  }
}

async function opened(socket: net.Socket, event: 'connect' | 'secureConnect', end = true): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once(event, () => {
      resolve()
    })
    socket.once('error', reject)
  })
  if (end) socket.destroy()
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (net.isIPv4(hostname) && hostname.startsWith('127.'))
  )
}
