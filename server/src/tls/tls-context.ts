// From the texts of the files to the options of TLS. The same function makes all of them at the start and at each reload: Node
// falls back to its defaults for what a new context does not name, such as the lowest version and the CA of clients.
import { KeyholdError } from '@keyhold/core'
import { constants, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import { createSecureContext } from 'node:tls'
import { readCrlTimes, type CrlTimes } from './read-crl-times.ts'
import { pemBlocks } from './pem-blocks.ts'

/** The variables that name the files. */
export const tlsVariables = {
  certificate: 'KEYHOLD_TLS_CERTIFICATE_FILE',
  key: 'KEYHOLD_TLS_KEY_FILE',
  clientCa: 'KEYHOLD_TLS_CLIENT_CA_FILE',
  clientCrl: 'KEYHOLD_TLS_CLIENT_CRL_FILE',
} as const

export type TlsFile = keyof typeof tlsVariables

/** The texts of the files. */
export type TlsTexts = Readonly<
  Record<'certificate' | 'key', string> & Partial<Record<TlsFile, string | undefined>>
>

export interface TlsRules {
  minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Whether clients are asked for a certificate. */
  asksClients: boolean
}

export interface TlsContext {
  /** The whole options of a server. */
  options: ServerOptions
  /** Of clients. */
  authorities: readonly X509Certificate[]
  /** Of the content of each file the first to end. */
  ends: Partial<Record<'certificate' | 'clientCa' | 'clientCrl', End>>
  /** When each revocation list is overdue, in milliseconds since 1970. */
  crlEndsAtMs: readonly number[]
}

/** In milliseconds since 1970. */
export interface End {
  endsAtMs: number
  /** A week before, or in the last fifth of a shorter time: where nobody has exchanged it by then, somebody should look. */
  warnsAtMs: number
}

const handshakeTimeoutMs = 10_000
const maxWarnAheadMs = 7 * 86_400_000

/** @throws KeyholdError `ERR_CONFIG_INVALID`, which names the variable and never the content of a file */
export function createTlsContext(texts: TlsTexts, { minVersion, asksClients }: TlsRules): TlsContext {
  const chain = certificatesOf('certificate', texts.certificate)
  const key = keyOf(texts.key)
  if (!chain[0]?.checkPrivateKey(key)) {
    throw fault('key', `is not the key of the first certificate of ${tlsVariables.certificate}`)
  }
  const clientCas = texts.clientCa === undefined ? undefined : certificatesOf('clientCa', texts.clientCa)
  const crls = texts.clientCrl === undefined ? undefined : crlsOf(texts.clientCrl)
  const options: ServerOptions = {
    // In a list each would be a certificate of its own, with a key of its own.
    cert: chain.map(String).join(''),
    key: texts.key,
    minVersion,
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: asksClients,
    // Whoever shows a certificate that is not trusted gets an answer that says so.
    rejectUnauthorized: false,
    // Without a CA of its own Node would trust every public one.
    ca: clientCas?.map(String) ?? [],
    ...(crls !== undefined && { crl: crls.map(({ pem }) => pem) }),
  }
  try {
    createSecureContext(options)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no reason'
    throw fault('certificate', `cannot be used together with the other files of TLS (${code})`, cause)
  }
  const ends = {
    certificate: firstEnd(chain.map(timesOf)),
    clientCa: clientCas && firstEnd(clientCas.map(timesOf)),
    clientCrl: crls && firstEnd(crls.map(({ thisUpdate, nextUpdate }) => [thisUpdate, nextUpdate])),
  }
  return {
    options,
    authorities: clientCas ?? [],
    ends: Object.fromEntries(Object.entries(ends).filter(([, end]) => end !== undefined)),
    crlEndsAtMs: (crls ?? []).flatMap(({ nextUpdate }) =>
      nextUpdate === undefined ? [] : [nextUpdate.getTime()],
    ),
  }
}

type Times = readonly [from: Date, to: Date | undefined]

function timesOf({ validFromDate, validToDate }: X509Certificate): Times {
  return [validFromDate, validToDate]
}

function firstEnd(all: readonly Times[]): End | undefined {
  const ends = all.flatMap(([from, to]) => {
    if (to === undefined) return []
    const endsAtMs = to.getTime()
    return [{ endsAtMs, warnsAtMs: endsAtMs - Math.min(maxWarnAheadMs, (endsAtMs - from.getTime()) / 5) }]
  })
  return ends.toSorted((one, other) => one.endsAtMs - other.endsAtMs)[0]
}

function certificatesOf(file: TlsFile, text: string): X509Certificate[] {
  const blocks = pemBlocks(text, 'CERTIFICATE')
  if (blocks === undefined) throw fault(file, 'holds no whole certificate in PEM')
  return blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch (cause) {
      throw fault(file, 'holds a certificate that cannot be read', cause)
    }
  })
}

function keyOf(text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    // The cause might show a part of the key.
    throw fault('key', 'holds no private key in PEM without a passphrase')
  }
}

function crlsOf(text: string): ({ pem: string } & CrlTimes)[] {
  const blocks = pemBlocks(text, 'X509 CRL')
  if (blocks === undefined) throw fault('clientCrl', 'holds no whole certificate revocation list in PEM')
  return blocks.map((pem) => {
    const times = readCrlTimes(pem)
    if (times === undefined) throw fault('clientCrl', 'holds a list that cannot be read')
    return { pem, ...times }
  })
}

function fault(file: TlsFile, what: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', {
    message: `The file of ${tlsVariables[file]} ${what}.`,
    cause,
  })
}
