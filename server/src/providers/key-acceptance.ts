// Decides which keys are accepted: it compares what was found of a key with the rules of this installation.
import {
  KeyholdError,
  parseKeyArn,
  type CustomerRole,
  type KeyArn,
  type KeyExamination,
  type KeyInspection,
} from '@keyhold/core'
import type { Store } from '../store/store.ts'
import { parseRoleArn, requireIssuer } from './role-arn.ts'

export interface KeyRequirements {
  /** Whether single-region keys are refused. */
  requireMultiRegion: boolean
  /** Whether keys are refused whose policy admits every tenant. */
  requireContextCondition: boolean
  /** `KEYHOLD_ISSUER_URL`; undefined: this installation signs no identity tokens. */
  issuerUrl: string | undefined
}

/** A key as a caller names it, checked without any call. */
export interface AskedKey {
  asked: KeyArn
  role: CustomerRole | undefined
}

/** How the key is to be reached, as a caller names it. */
export interface AskedRole {
  /** Of a role in the customer's account; undefined: the key policy names Keyhold itself. */
  roleArn?: string | undefined
  /** Undefined: the role is assumed with the tenant's external id. */
  roleAccess?: 'web-identity' | undefined
}

/** @throws KeyholdError `ERR_ARN_INVALID`, `ERR_ROLE_ARN_INVALID`, `ERR_ISSUER_NOT_SET`, `ERR_TENANT_NOT_FOUND` */
export async function parseAskedKey(
  { store, issuerUrl }: { store: Pick<Store, 'tenants'> } & Pick<KeyRequirements, 'issuerUrl'>,
  tenantId: string,
  { arn, roleArn, roleAccess }: { arn: string } & AskedRole,
): Promise<AskedKey> {
  const asked = parseKeyArn(arn)
  const isByToken = requireIssuer({ roleArn, roleAccess }, issuerUrl)
  if (roleArn === undefined) return { asked, role: undefined }
  const role = parseRoleArn(roleArn, asked.partition)
  const externalId = await store.tenants.findExternalId(tenantId)
  if (externalId === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  if (isByToken) return { asked, role: { arn: role, subjectTenantId: tenantId } }
  return { asked, role: { arn: role, externalId } }
}

/**
 * Answers what a key is accepted as.
 *
 * @throws KeyholdError the cause for which it is refused
 */
export function acceptKey(examination: KeyExamination, requirements: KeyRequirements): KeyInspection {
  const { inspection, error, checks } = examination
  if (inspection === undefined) throw error ?? new KeyholdError('ERR_KEY_UNUSABLE')
  if (requirements.requireMultiRegion && !inspection.multiRegion) {
    throw new KeyholdError('ERR_KEY_SINGLE_REGION', {
      message:
        'Only multi-region keys are accepted here: create one in AWS KMS with a replica in another region.',
    })
  }
  if (requirements.requireContextCondition) {
    const open = checks.find(({ check, outcome }) => check === 'ContextCondition' && outcome === 'warning')
    if (open !== undefined) throw new KeyholdError('ERR_KEY_POLICY_TOO_WIDE', { message: open.message })
    // A rule that could not be tried is not known to hold. If a replica key fails, its compliance shows that.
    const untried = checks.find(
      ({ check, outcome, code }) => check === 'ContextCondition' && outcome === 'skipped' && code !== '',
    )
    if (untried !== undefined) throw new KeyholdError('ERR_KMS_FAILED', { message: untried.message })
  }
  return inspection
}
