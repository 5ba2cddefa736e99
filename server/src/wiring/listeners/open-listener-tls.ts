// TLS of the listeners for the API and for metrics, if the settings name a certificate; and the refusal of listeners without it.
import { KeyholdError } from '@keyhold/core'
import type { Logger } from 'pino'
import { isLoopback } from '../../driver/is-loopback.ts'
import { looseModeOf } from '../../settings/loose-mode.ts'
import type { Settings } from '../../settings/read-settings.ts'
import { machineNow } from '../../tls/machine-now.ts'
import { readTlsFiles, type TlsPlaces } from '../../tls/read-tls-files.ts'
import { openTls, type Tls } from '../../tls/reloaded-tls.ts'
import { createTlsContext, type TlsContext } from '../../tls/tls-context.ts'
import type { Closers } from '../close-all.ts'

export type TlsSettings = Pick<
  Settings,
  | 'host'
  | 'metricsHost'
  | 'metricsPort'
  | 'allowPlainHttp'
  | 'tlsCertificateFile'
  | 'tlsKeyFile'
  | 'tlsMinVersion'
  | 'tlsClientCaFile'
  | 'tlsClientCrlFile'
  | 'tlsClientCertificates'
>

const dayMs = 86_400_000
const lookMs = 3_600_000
const plainHttpLogMs = 60_000

/**
 * Undefined: the listeners speak plain HTTP.
 *
 * @param closers - receives the function that ends the looks at the files
 * @throws KeyholdError `ERR_CONFIG_INVALID` for files that cannot be used, and for plain HTTP on another address than loopback
 */
export async function openListenerTls(
  settings: TlsSettings,
  logger: Logger,
  closers: Closers,
): Promise<Tls | undefined> {
  const places = placesOf(settings)
  if (places === undefined) {
    refusePlainHttp(settings)
    return undefined
  }
  let plainRequests = 0
  let plainLoggedMs = -Infinity
  const tls = await openTls({
    places,
    minVersion: settings.tlsMinVersion,
    clientCertificates:
      places.clientCa === undefined ? 'none' : (settings.tlsClientCertificates ?? 'optional'),
    looseModeOf,
    onReloaded() {
      logger.info({ ends: endsOf(tls) }, 'TLS: the new files are in use')
      warnAhead()
    },
    onKept(error) {
      logger.error(
        { err: error },
        `TLS: the files cannot be used, and those before them serve: ${error.message}`,
      )
    },
    onPlainHttp() {
      plainRequests++
      if (performance.now() - plainLoggedMs < plainHttpLogMs) return
      plainLoggedMs = performance.now()
      logger.warn(
        { requests: plainRequests },
        'TLS: a client speaks plain HTTP. If it has sent an access token, revoke that',
      )
      plainRequests = 0
    },
  })
  const warnedMs = new Map<string, number>()
  function warnAhead(): void {
    for (const [file, { endsAtMs, warnsAtMs }] of Object.entries(tls.ends())) {
      const lastMs = warnedMs.get(file) ?? -Infinity
      if (machineNow() < warnsAtMs || performance.now() - lastMs < dayMs) continue
      warnedMs.set(file, performance.now())
      logger.warn({ file, ends: new Date(endsAtMs).toISOString() }, 'TLS: the file ends soon, or has ended')
    }
  }
  warnAhead()
  const looks = setInterval(warnAhead, lookMs).unref()
  closers.push(() => {
    clearInterval(looks)
    tls.close()
    return Promise.resolve()
  })
  return tls
}

/**
 * Looks at the same as a start, and opens nothing.
 *
 * @returns when each file ends; undefined: the listeners speak plain HTTP
 * @throws KeyholdError as `openListenerTls`
 */
export async function lookAtListenerTls(settings: TlsSettings): Promise<TlsContext['ends'] | undefined> {
  const places = placesOf(settings)
  if (places === undefined) {
    refusePlainHttp(settings)
    return undefined
  }
  const rules = { minVersion: settings.tlsMinVersion, asksClients: places.clientCa !== undefined }
  return createTlsContext(await readTlsFiles(places, looseModeOf), rules).ends
}

function placesOf(settings: TlsSettings): TlsPlaces | undefined {
  const { tlsCertificateFile: certificate, tlsKeyFile: key } = settings
  if (certificate === undefined || key === undefined) return undefined
  return { certificate, key, clientCa: settings.tlsClientCaFile, clientCrl: settings.tlsClientCrlFile }
}

function endsOf(tls: Tls): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tls.ends()).map(([file, { endsAtMs }]) => [file, new Date(endsAtMs).toISOString()]),
  )
}

function refusePlainHttp({ host, metricsHost, metricsPort, allowPlainHttp }: TlsSettings): void {
  if (allowPlainHttp) return
  const open = [
    ...(isLoopback(host) ? [] : [`KEYHOLD_HOST (${host})`]),
    ...(metricsPort === undefined || isLoopback(metricsHost)
      ? []
      : [`KEYHOLD_METRICS_HOST (${metricsHost})`]),
  ]
  if (open.length === 0) return
  throw new KeyholdError('ERR_CONFIG_INVALID', {
    message: `${open.join(' and ')} would be served in plain HTTP to other machines: set KEYHOLD_TLS_CERTIFICATE_FILE and KEYHOLD_TLS_KEY_FILE, or KEYHOLD_ALLOW_PLAIN_HTTP=true where something else encrypts it.`,
  })
}
