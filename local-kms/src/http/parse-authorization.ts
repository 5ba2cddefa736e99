// The Authorization header of AWS Signature Version 4, with the checks, their order and the messages of AWS.
import { isRegion } from '../keys/kms-arn.ts'
import { invalidSignature, KmsError } from '../kms-error.ts'

export const signatureAlgorithm = 'AWS4-HMAC-SHA256'
const terminator = 'aws4_request'

export type AwsService = 'kms' | 'sts'

export interface Authorization {
  credential: string
  signature: string
  signedHeaders: readonly string[]
}

/** The day, the Region and the service that a credential is for. */
export interface CredentialScope {
  accessKeyId: string
  region: string
  /** As it is signed: `20261130/eu-west-1/kms/aws4_request`. */
  text: string
}

/** @throws KmsError IncompleteSignatureException */
export function parseAuthorization(header: string): Authorization {
  const [algorithm, rest] = splitOnce(header.trim(), ' ')
  if (algorithm !== signatureAlgorithm) {
    throw incomplete(`Unsupported AWS 'algorithm': '${algorithm}'.`)
  }
  const parts = new Map(rest.split(',').map((part) => splitOnce(part.trim(), '=')))
  const missing = ['Credential', 'Signature', 'SignedHeaders']
    .filter((name) => (parts.get(name) ?? '') === '')
    .map((name) => `Authorization header requires '${name}' parameter.`)
  if (missing.length > 0) throw incomplete(missing.join(' '))
  return {
    credential: parts.get('Credential') ?? '',
    signature: parts.get('Signature') ?? '',
    signedHeaders: (parts.get('SignedHeaders') ?? '').split(';'),
  }
}

/** @throws KmsError IncompleteSignatureException, InvalidSignatureException */
export function parseScope(credential: string, timestamp: string, expected: AwsService): CredentialScope {
  const [accessKeyId = '', date = '', region = '', service, end, ...more] = credential.split('/')
  if (end === undefined || more.length > 0) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    )
  }
  if (!/^\d{8}T\d{6}Z$/.test(timestamp)) {
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    )
  }
  if (date !== timestamp.slice(0, 8)) {
    throw invalidSignature(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`,
    )
  }
  if (!isRegion(region)) throw invalidSignature('Credential should be scoped to a valid region.')
  if (service !== expected)
    throw invalidSignature(`Credential should be scoped to correct service: '${expected}'.`)
  if (end !== terminator) {
    throw invalidSignature(
      `Credential should be scoped with a valid terminator: '${terminator}', not '${end}'.`,
    )
  }
  return { accessKeyId, region, text: [date, region, service, terminator].join('/') }
}

/** The part before the first separator and the part after it. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}

function incomplete(message: string): KmsError {
  return new KmsError('IncompleteSignatureException', message)
}
