// Asks AWS KMS for the state of a key in one region. Decrypt alone does not tell: where a change has not spread, it still
// works under a key that its customer has disabled.
import { isErrorOfKind, isKeyholdError, isPolicyDenial, KeyholdError, type CustomerRole } from '@keyhold/core'
import type { AwsCall, AwsCallOptions } from '../aws-call.ts'
import { checkUsable, createKeyActions, type RegionalKeyName } from '../aws-key-actions.ts'

/**
 * The answer of DescribeKey.
 *
 * - `usable`: Decrypt decides
 * - `refusal`: the key's state refuses all use
 * - `denial`: Keyhold may not look at the key, so that its state is not known
 * - `outage`: there was no answer, or Keyhold could not ask
 */
export type SeenKeyState = { kind: 'usable' } | { kind: 'refusal' | 'denial' | 'outage'; error: KeyholdError }

export interface ReadKeyStateOptions {
  /** The tenant that is charged. */
  tenantId: string
  role: CustomerRole | undefined
  call?: AwsCallOptions
}

// Other states say nothing where Decrypt works: Creating passes by itself, and under Unavailable the key store is away.
const refusingStates = new Set(['Disabled', 'PendingDeletion', 'PendingReplicaDeletion', 'PendingImport'])

export async function readKeyState(
  call: AwsCall,
  { keyArn, region }: RegionalKeyName,
  { tenantId, role, call: options }: ReadKeyStateOptions,
): Promise<SeenKeyState> {
  let isRefused = false
  try {
    const metadata = await createKeyActions(call, { tenantId, role, call: options }).describe(keyArn, region)
    isRefused = metadata.Arn !== keyArn || refusingStates.has(metadata.KeyState ?? '')
    if (metadata.Arn !== keyArn) {
      throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND', { details: { action: 'DescribeKey', region } })
    }
    if (isRefused) checkUsable(metadata, region)
    return { kind: 'usable' }
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    if (isRefused) return { kind: 'refusal', error }
    if (!isErrorOfKind(error, 'denial')) return { kind: 'outage', error }
    return { kind: isPolicyDenial(error.code) ? 'denial' : 'refusal', error }
  }
}
