// What Keyhold asks of a key management service, whichever it is. The only thing a KMS ever sees is a tenant key.
import type { KeyObject } from 'node:crypto'

/** Which tenant key a wrap holds. */
export interface TenantKeyRef {
  tenantId: string
  /** UUID. */
  id: string
  /** 1 and up. */
  version: number
}

/** What a look at a key found out; a key that cannot protect a tenant at all is an error instead. */
export interface KeyInspection {
  /** The key's own ARN, also where an alias was asked for. */
  keyArn: string
  multiRegion: boolean
  /** The same key in other regions, whether usable or not. */
  replicaKeys: { keyArn: string; region: string }[]
  /** Whether another region can stand in for the key's own, each needed action tried there. */
  drCompliant: boolean
  /** Three empty strings when compliant. */
  complianceError: { code: string; region: string; message: string }
}

/** Options of every call. */
export interface KmsCallOptions {
  signal?: AbortSignal
}

/**
 * One key management service. Every method names the pinned key ARN and takes no answer from another key.
 *
 * All of them throw KeyholdError with a code of the closed set `ERR_KMS_…`, decided by the adapter once, or
 * `ERR_SEALED` for the internal KMS without its root key.
 */
export interface Kms {
  /** Makes a new tenant key and wraps it. Nothing is stored: what is not returned is lost without harm. */
  createTenantKey(
    keyArn: string,
    ref: TenantKeyRef,
    options?: KmsCallOptions,
  ): Promise<{ key: KeyObject; wrapped: Buffer }>

  /** Unwraps a tenant key. The caller compares the key check value next. */
  unwrapTenantKey(
    keyArn: string,
    wrapped: Buffer,
    ref: TenantKeyRef,
    options?: KmsCallOptions,
  ): Promise<KeyObject>

  /**
   * Tries for real whether the key can protect the tenant, in its own region and in every region of its replicas.
   *
   * @param keyArn - a key ARN or an alias ARN
   */
  inspectKey(keyArn: string, tenantId: string, options?: KmsCallOptions): Promise<KeyInspection>
}
