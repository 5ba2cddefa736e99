// Checks the signature of a report, or of what is signed like one: a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037).
import type { JsonWebKeySet, KeyJobReport } from '@keyhold/client'
import { createPublicKey, verify } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { CliError } from '../errors/cli-error.ts'

/**
 * Answers the id of the key that signed it.
 *
 * @param what - what errors call it
 *
 * @throws CliError `failed` when none of the keys did, or `report` is not what was signed
 */
export function verifyReport(
  { jws, report }: Pick<KeyJobReport, 'jws'> & { report: object },
  { keys }: JsonWebKeySet,
  what = 'the report',
): string {
  const [header = '', payload = '', signature = '', ...rest] = jws.split('.')
  const { alg, kid } = parsePart(header)
  const key = keys.find((each) => each.kid === kid)
  if (rest.length > 0 || alg !== 'EdDSA' || key === undefined)
    throw invalid(what, 'it names none of the keys')
  const { kty, crv, x } = key
  const publicKey = createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
  const isValid = verify(
    null,
    Buffer.from(`${header}.${payload}`),
    publicKey,
    Buffer.from(signature, 'base64url'),
  )
  if (!isValid) throw invalid(what, 'it is not of the key that it names')
  if (!isDeepStrictEqual(parsePart(payload), report)) throw invalid(what, 'what was signed are other words')
  return key.kid
}

function parsePart(text: string): Record<string, unknown> {
  try {
    const part: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return typeof part === 'object' && part !== null ? { ...part } : {}
  } catch {
    return {}
  }
}

function invalid(what: string, why: string): CliError {
  return new CliError('failed', 'ERR_CLI_SIGNATURE', `the signature of ${what} is not valid: ${why}`)
}
