// The interface of a key management service. A KMS never sees any key but tenant keys.
import type { KeyObject } from 'node:crypto'
import type { ErrorCode, KeyholdError } from './errors.ts'

/** The identity of the tenant key in a wrap. */
export interface TenantKeyRef {
  tenantId: string
  /** UUID. */
  id: string
  /** 1 and up. */
  version: number
}

/** The findings about a key. A key that cannot protect a tenant at all is an error instead. */
export interface KeyInspection {
  /** The key's own ARN, even when the request named an alias. */
  keyArn: string
  multiRegion: boolean
  /** The same key in other regions, usable or not. */
  replicaKeys: { keyArn: string; region: string }[]
  /** Whether another region can stand in for the key's own: every needed action was tried there. */
  drCompliant: boolean
  /** Three empty strings when compliant. */
  complianceError: { code: string; region: string; message: string }
  /** Flaws that are no reason to refuse the key. Absent: none was found, or none was looked for. */
  warnings?: { code: string; region: string; message: string }[]
}

/** Why the key that an alias names cannot be used: it is of another account or region, or of another kind, spec or usage. */
export type AliasProblem = 'account' | 'kind'

/** The key that an alias names. */
export interface AliasedKey {
  keyArn: string
  problem: AliasProblem | undefined
}

/** A role in a customer's account, which Keyhold assumes with its own credentials to reach the customer's key. */
export interface RoleByExternalId {
  arn: string
  /** Keyhold makes it for the tenant; the role's trust policy must ask for it. */
  externalId: string
}

/** The same, assumed with an identity token of Keyhold's own issuer. */
export interface RoleByWebIdentity {
  arn: string
  /** The tenant whom the token names; the role's trust policy must ask for it. */
  subjectTenantId: string
  /** Names a try for which a session is begun anew, so that it shows what the trust policy says now. Undefined: one that is kept will do. */
  attempt?: string
}

export type CustomerRole = RoleByExternalId | RoleByWebIdentity

/** No tenant has this id. Whatever admits it admits every tenant. */
export const probeTenantId = 'keyhold-probe'

/** How a tenant's key is reached. */
export interface KeyAccess {
  /** Undefined: Keyhold's own principal reaches the key. */
  role: CustomerRole | undefined
  /** Regions in which the same key was last seen. */
  replicaRegions: readonly string[]
  /** Whether the key's own region denied the key when it last answered. Then no other region may stand in. */
  isDenied?: boolean
  /** Where the state of the key itself refused when it was last seen there. It is read again before the key is used. */
  refusedIn?: readonly KnownRefusal[]
}

/** A state of a key that refused all use of it in one region. */
export interface KnownRefusal {
  region: string
  /** The call that told: where it was `DescribeKey`, calls that use the key may work all the same. */
  action: string | undefined
}

/** One check of a key. */
export interface KeyCheck {
  /** The action that was tried, or the property that was looked at. */
  check:
    | 'ExternalId'
    | 'TokenSubject'
    | 'DescribeKey'
    | 'Alias'
    | 'KeyState'
    | 'GenerateDataKey'
    | 'Decrypt'
    | 'ContextCondition'
    | 'Replica'
  region: string
  /** `warning`: a flaw that is no reason to refuse the key; `skipped`: the check could not be made. */
  outcome: 'passed' | 'failed' | 'warning' | 'skipped'
  /** An error code when the outcome is `failed` or `warning`, else empty. */
  code: string
  /** The outcome in words. */
  message: string
  /** The parameters of the words, by name, for words in another language. */
  params: Readonly<Record<string, string>>
}

/** All checks of a key, and their result. */
export interface KeyExamination {
  checks: KeyCheck[]
  /** Undefined when the key cannot protect a tenant; then `error` says why. */
  inspection: KeyInspection | undefined
  error: KeyholdError | undefined
}

/**
 * Makes every check of a key, even after one has failed, and also checks that its policy is not too open. It changes
 * nothing anywhere.
 *
 * @param arn - a key ARN or an alias ARN
 * @param onCheck - hears of each check when it ends; those of several regions end in any order
 */
export type ExamineKey = (
  arn: string,
  tenantId: string,
  role: CustomerRole | undefined,
  onCheck?: (check: KeyCheck) => void,
) => Promise<KeyExamination>

/** A call that a region answered. The part that shows the state of keys receives them all. */
export interface KmsAnswer {
  keyArn: string
  tenantId: string
  /** The region that answered. */
  region: string
  /** Undefined: the key's own region answered. Else the reason why that region was passed over. */
  outage: ErrorCode | undefined
}

/** Options of every call. */
export interface KmsCallOptions {
  signal?: AbortSignal
}

/**
 * One key management service. Every method names the pinned key ARN and takes no answer from another key.
 *
 * A method that fails throws KeyholdError with a code of the closed set `ERR_KMS_…`, which only the adapter chooses, or
 * with `ERR_SEALED` when the internal KMS has no root key.
 */
export interface Kms {
  /** Makes a new tenant key and wraps it. Nothing is stored, so a key that is not returned is lost without harm. */
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
   * Tries with real calls whether the key can protect the tenant, in its own region and in each region of a replica.
   *
   * @param keyArn - a key ARN or an alias ARN
   */
  inspectKey(keyArn: string, tenantId: string, options?: KmsCallOptions): Promise<KeyInspection>
}
