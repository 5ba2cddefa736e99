// What Keyhold asks of a key management service, whichever it is. The only thing a KMS ever sees is a tenant key.
import type { KeyObject } from 'node:crypto'
import type { ErrorCode, KeyholdError } from './errors.ts'

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
  /** What is not as it should be and yet no reason to refuse the key; absent: nothing was found, or not looked for. */
  warnings?: { code: string; region: string; message: string }[]
}

/** A role in a customer's account, which Keyhold assumes to reach the customer's key. */
export interface CustomerRole {
  arn: string
  /** Made by Keyhold for the tenant; the role's trust policy must ask for it. */
  externalId: string
}

/** How a tenant's key is reached. */
export interface KeyAccess {
  /** Undefined: as Keyhold's own principal. */
  role: CustomerRole | undefined
  /** Regions in which the same key was last seen. */
  replicaRegions: readonly string[]
  /** Whether the last that anybody heard of the key in its own region was a denial: then no other one may stand in. */
  isDenied?: boolean
}

/** One thing that was tried of a key. */
export interface KeyCheck {
  /** What was tried: the action, or what it shows. */
  check:
    'ExternalId' | 'DescribeKey' | 'KeyState' | 'GenerateDataKey' | 'Decrypt' | 'ContextCondition' | 'Replica'
  region: string
  /** `warning`: not as it should be, and yet no reason to refuse the key; `skipped`: it could not be tried. */
  outcome: 'passed' | 'failed' | 'warning' | 'skipped'
  /** An error code where it failed or warns, else empty. */
  code: string
  /** The outcome in words. */
  message: string
}

/** What trying everything about a key found out. */
export interface KeyExamination {
  checks: KeyCheck[]
  /** Undefined where the key cannot protect a tenant; then `error` says why. */
  inspection: KeyInspection | undefined
  error: KeyholdError | undefined
}

/**
 * Tries everything about a key, whatever fails, and whether it is not too open; changes nothing anywhere.
 *
 * @param arn - a key ARN or an alias ARN
 */
export type ExamineKey = (
  arn: string,
  tenantId: string,
  role: CustomerRole | undefined,
) => Promise<KeyExamination>

/** Told of every call that was answered in some region, for whoever shows the state of keys. */
export interface KmsAnswer {
  keyArn: string
  tenantId: string
  /** The region that answered. */
  region: string
  /** Undefined: it was the key's own region. Else why that one was passed over. */
  outage: ErrorCode | undefined
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
