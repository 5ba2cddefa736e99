// Registers a customer's key after trying it for real.
import { keyArnFingerprint, KeyholdError, type ExamineKey } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { Store } from '../store/store.ts'
import { findMovedAlias } from './find-moved-alias.ts'
import { acceptKey, parseAskedKey, type AskedRole, type KeyRequirements } from './key-acceptance.ts'

export interface RegisterKeyProviderParts extends KeyRequirements {
  store: Store
  examineKey: ExamineKey
}

export interface RegisterKeyProviderRequest extends AskedRole {
  tenantId: string
  /** A key ARN, or an alias ARN, which is resolved once: the key's own ARN is what is registered. */
  arn: string
  name: string
  description: string
}

/**
 * @throws KeyholdError `ERR_ARN_INVALID`, `ERR_ROLE_ARN_INVALID`, `ERR_KEY_PROVIDER_EXISTS`, `ERR_KEY_SINGLE_REGION`,
 * `ERR_KEY_POLICY_TOO_WIDE`, `ERR_ROLE_WITHOUT_EXTERNAL_ID`, `ERR_ROLE_TRUST_TOO_WIDE`, `ERR_ISSUER_NOT_SET`, `ERR_TENANT_NOT_FOUND`, `Encryption-88`, `ERR_KMS_…`,
 * `ERR_REPLICAS_OLDER`
 */
export async function registerKeyProvider(
  parts: RegisterKeyProviderParts,
  request: RegisterKeyProviderRequest,
  actor: Actor,
): Promise<KeyProviderRow> {
  const { store, examineKey } = parts
  const { tenantId, name, description } = request
  // These checks come before any call: a broken ARN reaches no network, and a known one needs none.
  const { asked, role } = await parseAskedKey(parts, tenantId, request)
  if (asked.keyId !== undefined) await refuseRegistered(store, tenantId, asked.arn)

  const accepted = acceptKey(await examineKey(asked.arn, tenantId, role), parts)
  const moved = await findMovedAlias(store, tenantId, asked, accepted.keyArn)
  const inspection =
    moved === undefined ? accepted : { ...accepted, warnings: [...(accepted.warnings ?? []), moved] }
  return store.withFence(tenantId, async (transaction, fence) => {
    // The access token of a deleted tenant stays in memory for a moment.
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    if (request.roleAccess !== undefined) await transaction.replicas.refuseOlder('knows_web_identity')
    const inserted = await transaction.keyProviders.insert({
      tenantId,
      fingerprint: keyArnFingerprint(inspection.keyArn),
      kms: 'aws',
      keyArn: inspection.keyArn,
      name,
      description,
      isCurrent: false,
      inspection,
      roleArn: role?.arn,
      roleAccess: request.roleAccess,
      aliasArn: asked.keyId === undefined ? asked.arn : undefined,
    })
    const { fingerprint, keyArn } = inserted
    transaction.audit({
      tenantId,
      actor,
      action: 'keyprovider.create',
      targetId: fingerprint,
      details: {
        keyArn,
        ...(role !== undefined && { roleArn: role.arn }),
        ...(request.roleAccess !== undefined && { roleAccess: request.roleAccess }),
      },
    })
    return inserted
  })
}

async function refuseRegistered(store: Store, tenantId: string, keyArn: string): Promise<void> {
  const registered = await store.keyProviders.find(tenantId, keyArnFingerprint(keyArn))
  if (registered !== undefined) throw new KeyholdError('ERR_KEY_PROVIDER_EXISTS')
}
