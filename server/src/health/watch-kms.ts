// Wraps a KMS: its answers are kept, and dead keys slow only their own tenants.
import type { Kms } from '@keyhold/core'
import type { KeyBreaker } from './key-breaker.ts'
import type { KeyHealthRecorder } from './key-health-recorder.ts'

/** Inspections neither wait for traffic nor count as traffic. */
export function watchKms(
  kms: Kms,
  { breaker, recorder }: { breaker: Pick<KeyBreaker, 'call'>; recorder: Pick<KeyHealthRecorder, 'failed'> },
): Kms {
  function watched<Result>(keyArn: string, tenantId: string, send: () => Promise<Result>): Promise<Result> {
    return breaker.call(keyArn, async () => {
      try {
        return await send()
      } catch (error) {
        await recorder.failed({ keyArn, tenantId }, error)
        throw error
      }
    })
  }

  return {
    createTenantKey: (keyArn, ref, options) =>
      watched(keyArn, ref.tenantId, () => kms.createTenantKey(keyArn, ref, options)),
    unwrapTenantKey: (keyArn, wrapped, ref, options) =>
      watched(keyArn, ref.tenantId, () => kms.unwrapTenantKey(keyArn, wrapped, ref, options)),
    inspectKey: (keyArn, tenantId, options) => kms.inspectKey(keyArn, tenantId, options),
  }
}
