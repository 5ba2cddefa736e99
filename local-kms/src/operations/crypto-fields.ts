// The members that every operation with an encryption context takes.
import { KmsError, unsupportedOperation } from '../kms-error.ts'
import type { RequestFields } from '../fields/request-fields.ts'

/** Reads DryRun. Grants do not exist here, so their tokens are checked and have no effect. */
export function commonCryptoFields(fields: RequestFields) {
  checkGrantTokens(fields)
  if (fields.has('Recipient')) throw unsupportedOperation('Nitro enclaves are not offered by local-kms.')
  return { dryRun: fields.flag('DryRun') }
}

export function checkGrantTokens(fields: RequestFields): void {
  fields.texts('GrantTokens', { max: 10 })
}

/** To be called when only the work itself is left. @throws KmsError DryRunOperationException */
export function refuseDryRun(dryRun: boolean): void {
  if (!dryRun) return
  throw new KmsError(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  )
}
