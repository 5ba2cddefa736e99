// Refuses connections whose client shows a certificate that is not trusted, or none where each must have one. Probes need none:
// whoever watches replicas often cannot show one.
import { KeyholdError } from '@keyhold/core'
import type { FastifyRequest } from 'fastify'
import type { Tls } from '../../tls/reloaded-tls.ts'

const probePath = /^\/(livez|readyz)(\?|$)/

const messages = {
  missing: 'This server requires a certificate of the client.',
  untrusted: 'The certificate of the client is not trusted.',
}

export function findCertificateFault(
  tls: Tls | undefined,
  { raw, url }: Pick<FastifyRequest, 'raw' | 'url'>,
): KeyholdError | undefined {
  const refusal = tls?.refusal(raw.socket)
  if (refusal === undefined || (refusal === 'missing' && probePath.test(url))) return undefined
  return new KeyholdError('ERR_UNAUTHENTICATED', { message: messages[refusal] })
}

/** The credential for which a request was refused, or whether there was none. */
export type RefusedCredential = 'none' | 'token' | 'certificate'

export function credentialOf(
  tls: Tls | undefined,
  { raw, headers }: Pick<FastifyRequest, 'raw' | 'headers'>,
): RefusedCredential {
  if (tls?.refusal(raw.socket) !== undefined) return 'certificate'
  return headers.authorization === undefined ? 'none' : 'token'
}
