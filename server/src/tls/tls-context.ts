// From the texts of the files to the options of TLS. The same function makes all of them at the start and at each reload: Node
// falls back to its defaults for what a new context does not name, such as the lowest version and the CA of clients.
import { KeyholdError } from '@keyhold/core'
import { constants, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import { createSecureContext } from 'node:tls'
import { crlNextUpdate } from './crl-next-update.ts'
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
  /** When what a file holds ends, in milliseconds since 1970: of several the first. */
  endsAtMs: Partial<Record<'certificate' | 'clientCa' | 'clientCrl', number>>
}

const handshakeTimeoutMs = 10_000

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
  const ofCertificates = (certificates: readonly X509Certificate[]) =>
    Math.min(...certificates.map(({ validToDate }) => validToDate.getTime()))
  const crlEndsMs = Math.min(...(crls ?? []).map(({ nextUpdate }) => nextUpdate?.getTime() ?? Infinity))
  return {
    options,
    endsAtMs: {
      certificate: ofCertificates(chain),
      ...(clientCas !== undefined && { clientCa: ofCertificates(clientCas) }),
      ...(Number.isFinite(crlEndsMs) && { clientCrl: crlEndsMs }),
    },
  }
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

function crlsOf(text: string): { pem: string; nextUpdate: Date | undefined }[] {
  const blocks = pemBlocks(text, 'X509 CRL')
  if (blocks === undefined) throw fault('clientCrl', 'holds no whole certificate revocation list in PEM')
  return blocks.map((pem) => {
    const nextUpdate = crlNextUpdate(pem)
    if (nextUpdate === 'unreadable') throw fault('clientCrl', 'holds a list that cannot be read')
    return { pem, nextUpdate }
  })
}

function fault(file: TlsFile, what: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', {
    message: `The file of ${tlsVariables[file]} ${what}.`,
    cause,
  })
}
