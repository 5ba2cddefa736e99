// The members that every operation with an encryption context takes.
import { checkGrantToken } from '../keys/grant-token.ts'
import { KmsError, unsupportedOperation } from '../kms-error.ts'
import type { RequestFields } from '../fields/request-fields.ts'

const maxGrantTokens = 10

/** Reads DryRun, and checks the form of grant tokens. */
export function commonCryptoFields(fields: RequestFields) {
  checkGrantTokens(fields)
  if (fields.has('Recipient')) throw unsupportedOperation('Nitro enclaves are not offered by local-kms.')
  return { dryRun: fields.flag('DryRun') }
}

export function checkGrantTokens(fields: RequestFields): void {
  const tokens = fields.texts('GrantTokens', { max: maxGrantTokens }) ?? []
  if (tokens.length <= maxGrantTokens) tokens.forEach(checkGrantToken)
}

/** To be called when only the work itself is left. @throws KmsError DryRunOperationException */
export function refuseDryRun(dryRun: boolean): void {
  if (!dryRun) return
  throw new KmsError(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  )
}
