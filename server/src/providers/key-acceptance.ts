// Which keys are accepted: what was found of a key, against what this installation asks for.
import {
  KeyholdError,
  parseKeyArn,
  type CustomerRole,
  type KeyArn,
  type KeyExamination,
  type KeyInspection,
} from '@keyhold/core'
import type { Store } from '../store/store.ts'
import { parseRoleArn } from './role-arn.ts'

export interface KeyRequirements {
  /** Whether single-region keys are refused. */
  requireMultiRegion: boolean
  /** Whether keys are refused whose policy admits every tenant. */
  requireContextCondition: boolean
}

/** A key as a caller names it, checked without any call. */
export interface AskedKey {
  asked: KeyArn
  role: CustomerRole | undefined
}

/** @throws KeyholdError `ERR_ARN_INVALID`, `ERR_ROLE_ARN_INVALID`, `ERR_TENANT_NOT_FOUND` */
export async function parseAskedKey(
  store: Pick<Store, 'tenants'>,
  tenantId: string,
  { arn, roleArn }: { arn: string; roleArn?: string | undefined },
): Promise<AskedKey> {
  const asked = parseKeyArn(arn)
  if (roleArn === undefined) return { asked, role: undefined }
  const role = parseRoleArn(roleArn)
  const externalId = await store.tenants.findExternalId(tenantId)
  if (externalId === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  return { asked, role: { arn: role, externalId } }
}

/**
 * What a key is accepted for, as found out about it.
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
    // What could not be tried is not known to hold. A replica that fails anyway is told of by its compliance.
    const untried = checks.find(
      ({ check, outcome, code }) => check === 'ContextCondition' && outcome === 'skipped' && code !== '',
    )
    if (untried !== undefined) throw new KeyholdError('ERR_KMS_FAILED', { message: untried.message })
  }
  return inspection
}
