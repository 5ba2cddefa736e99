// Registering a customer's key, after trying it for real.
import { keyArnFingerprint, KeyholdError, parseKeyArn, type KeyInspection, type Kms } from '@keyhold/core'
import type { KeyProviderRow } from '../store/key-providers.ts'
import type { Store } from '../store/store.ts'

export interface RegisterKeyProviderParts {
  store: Store
  kms: Kms
  /** Whether single-region keys are refused. */
  requireMultiRegion: boolean
}

export interface RegisterKeyProviderRequest {
  tenantId: string
  /** A key ARN, or an alias ARN, which is resolved once: the key's own ARN is what is registered. */
  arn: string
  name: string
  description: string
}

/**
 * @throws KeyholdError `ERR_ARN_INVALID`, `ERR_KEY_PROVIDER_EXISTS`, `ERR_KEY_SINGLE_REGION`, `ERR_TENANT_NOT_FOUND`,
 * `Encryption-88` and the causes of `Kms.inspectKey`
 */
export async function registerKeyProvider(
  parts: RegisterKeyProviderParts,
  request: RegisterKeyProviderRequest,
): Promise<KeyProviderRow> {
  const { store, kms, requireMultiRegion } = parts
  const { tenantId, name, description } = request
  // Before any call: a broken ARN reaches no network, and a known one needs none.
  const asked = parseKeyArn(request.arn)
  if (asked.keyId !== undefined) await refuseRegistered(store, tenantId, asked.arn)

  const inspection = await kms.inspectKey(asked.arn, tenantId)
  refuseSingleRegion(inspection, requireMultiRegion)
  return store.transaction(async (transaction) => {
    // A deleted tenant's access token is still held for a moment.
    if ((await transaction.tenants.lockFenceShared(tenantId)) === undefined)
      throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return transaction.keyProviders.insert({
      tenantId,
      fingerprint: keyArnFingerprint(inspection.keyArn),
      kms: 'aws',
      keyArn: inspection.keyArn,
      name,
      description,
      isCurrent: false,
      inspection,
    })
  })
}

async function refuseRegistered(store: Store, tenantId: string, keyArn: string): Promise<void> {
  const registered = await store.keyProviders.find(tenantId, keyArnFingerprint(keyArn))
  if (registered !== undefined) throw new KeyholdError('ERR_KEY_PROVIDER_EXISTS')
}

function refuseSingleRegion({ multiRegion }: KeyInspection, requireMultiRegion: boolean): void {
  if (requireMultiRegion && !multiRegion) {
    throw new KeyholdError('ERR_KEY_SINGLE_REGION', {
      message:
        'Only multi-region keys are accepted here: create one in AWS KMS with a replica in another region.',
    })
  }
}
