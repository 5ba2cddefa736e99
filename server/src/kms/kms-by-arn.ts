// One Kms for all keys: the key ARN decides which KMS is asked. Nothing else tells kinds of KMS apart.
import type { Kms } from '@keyhold/core'
import { isRootKeyArn } from './internal-kms.ts'

export function createKmsByArn(kmss: { internal: Kms; aws: Kms }): Kms {
  const kmsOf = (keyArn: string): Kms => (isRootKeyArn(keyArn) ? kmss.internal : kmss.aws)
  return {
    createTenantKey: (keyArn, ref, options) => kmsOf(keyArn).createTenantKey(keyArn, ref, options),
    unwrapTenantKey: (keyArn, wrapped, ref, options) =>
      kmsOf(keyArn).unwrapTenantKey(keyArn, wrapped, ref, options),
    inspectKey: (keyArn, tenantId, options) => kmsOf(keyArn).inspectKey(keyArn, tenantId, options),
  }
}
