// The parts that every destruction works with.
import type { TenantKey } from '@keyhold/core'
import type { HoldSigner } from '../store/authentic/hold-signer.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { Store } from '../store/store.ts'

export interface RunDestructionsParts {
  store: Store
  /**
   * Unwraps a tenant key version anew. Undefined: there is no such version, or it is destroyed. Throws the errors of the
   * KMS, `ERR_KEY_INTEGRITY` and `ERR_TENANT_LOCKED`.
   */
  openTenantKey: (tenantId: string, version: number) => Promise<TenantKey | undefined>
  /** For records. */
  holdSigner: HoldSigner
  /** Called once nothing under the key can be decrypted any more: no replica goes on with keys that it holds in memory. */
  onShredded: (destruction: DestructionRow) => void
  /** Called when everything is deleted and the record is there. */
  onDestroyed: (destruction: DestructionRow) => void
  /** When it aborts, the deletion of a tenant stops after the step at hand. A later call goes on there. */
  signal: AbortSignal
}
