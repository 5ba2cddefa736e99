// The certificate of the client of a connection: none, one that is not trusted, or one whose names may be believed.
import { createHash, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { machineNow } from './machine-now.ts'
import { readSubjectNames, type SubjectNames } from './subject-names.ts'

/** In the form in which the claims of a token come: an issuer, and names to match. */
export interface ClientCertificate {
  /**
   * `certificate:` and the SHA-256 of the certificate of the last CA of the chain, in lower-case hex. `certificate:unlisted` where
   * the CA that has issued it is not listed itself, but only one above it.
   */
  issuer: string
  names: SubjectNames
  /** The SHA-256 of the certificate in base64url: `x5t#S256` of RFC 8705. */
  thumbprint: string
}

export type PresentedCertificate =
  | { state: 'none' }
  /** `reason` is OpenSSL's word, such as `CERT_REVOKED`. */
  | { state: 'untrusted'; reason: string }
  | { state: 'trusted'; certificate: ClientCertificate }

const none: PresentedCertificate = { state: 'none' }
const unlisted = 'certificate:unlisted'

interface Looked {
  presented: PresentedCertificate
  endsAtMs: number
}

const read = new WeakMap<Socket, Looked>()
const ended: PresentedCertificate = { state: 'untrusted', reason: 'CERT_HAS_EXPIRED' }

/**
 * Looks at the certificate once for each connection, which may last longer than it. The handshake must be over.
 *
 * @param authorities - the CAs that the handshake trusted
 */
export function presentedCertificate(
  socket: Socket,
  authorities: readonly X509Certificate[],
): PresentedCertificate {
  if (!(socket instanceof TLSSocket)) return none
  let looked = read.get(socket)
  if (looked === undefined) {
    const endsAtMs = socket.getPeerX509Certificate()?.validToDate.getTime() ?? Infinity
    looked = { presented: look(socket, authorities), endsAtMs }
    read.set(socket, looked)
  }
  const { presented, endsAtMs } = looked
  return presented.state === 'trusted' && machineNow() > endsAtMs ? ended : presented
}

function look(socket: TLSSocket, authorities: readonly X509Certificate[]): PresentedCertificate {
  const certificate = socket.getPeerX509Certificate()
  // Without a certificate the connection is not authorized either, with an error that says nothing.
  if (certificate === undefined) return none
  if (!socket.authorized) return { state: 'untrusted', reason: reasonOf(socket.authorizationError) }
  const names = readSubjectNames(certificate.subjectAltName)
  if (names === undefined) return { state: 'untrusted', reason: 'unreadable names' }
  return {
    state: 'trusted',
    certificate: {
      issuer: issuerOf(certificate, authorities),
      names,
      thumbprint: createHash('sha256').update(certificate.raw).digest('base64url'),
    },
  }
}

// Node's types say Error; it is the code.
function reasonOf(error: unknown): string {
  return typeof error === 'string' ? error : error instanceof Error ? error.message : 'no reason'
}

// Node does not tell which chain OpenSSL has verified, and nobody may believe the one that the client has sent. So the CAs that are
// trusted are looked through, each with its signature.
function issuerOf(certificate: X509Certificate, authorities: readonly X509Certificate[]): string {
  let last = certificate
  const left = new Set(authorities)
  for (;;) {
    const next = [...left].find((each) => hasIssued(each, last))
    if (next === undefined) break
    left.delete(next)
    last = next
  }
  if (last === certificate) return unlisted
  return `certificate:${createHash('sha256').update(last.raw).digest('hex')}`
}

function hasIssued(authority: X509Certificate, certificate: X509Certificate): boolean {
  // One that is listed itself is its own issuer.
  if (!authority.ca && authority.fingerprint256 !== certificate.fingerprint256) return false
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}
