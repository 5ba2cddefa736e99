// The form of grant tokens. A token proves nothing by its form: it counts only while a grant with this very token exists.
import { randomBytes } from 'node:crypto'
import { KmsError } from '../kms-error.ts'

const prefix = Buffer.from('local-kms-grant:')
const randomLength = 96

export function createGrantToken(): string {
  return Buffer.concat([prefix, randomBytes(randomLength)]).toString('base64')
}

/**
 * A token of a grant that is gone has the right form, and is ignored, as AWS does.
 *
 * @throws KmsError InvalidGrantTokenException for a text that CreateGrant can never have answered
 */
export function checkGrantToken(token: string): void {
  const bytes = Buffer.from(token, 'base64')
  const hasForm =
    bytes.length === prefix.length + randomLength && bytes.subarray(0, prefix.length).equals(prefix)
  if (!hasForm) throw new KmsError('InvalidGrantTokenException', 'The grant token is invalid.')
}
