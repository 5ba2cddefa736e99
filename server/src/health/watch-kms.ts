// A KMS whose answers are kept, and whose dead keys slow nobody but their own tenants.
import type { Kms } from '@keyhold/core'
import type { KeyBreaker } from './key-breaker.ts'
import type { KeyHealthRecorder } from './key-health-recorder.ts'

/** Inspections are tries of their own: they neither wait for others nor count as traffic. */
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
