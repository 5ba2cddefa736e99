// Runs all checks of a registration and stores nothing. A customer's administrator runs it until everything is right.
import {
  isKeyholdError,
  keyArnFingerprint,
  type ExamineKey,
  type KeyCheck,
  type KeyholdError,
  type KeyInspection,
} from '@keyhold/core'
import type { Store } from '../store/store.ts'
import { findMovedAlias } from './find-moved-alias.ts'
import { acceptKey, parseAskedKey, type AskedRole, type KeyRequirements } from './key-acceptance.ts'

export interface CheckedKey {
  checks: KeyCheck[]
  /** The provider that would be registered; undefined: it would be refused with `error`. */
  inspection: KeyInspection | undefined
  error: KeyholdError | undefined
  /** Whether the tenant has registered the key already. */
  isRegistered: boolean
}

export type StartKeyCheckParts = KeyRequirements & { store: Store; examineKey: ExamineKey }

/** @throws KeyholdError `ERR_ARN_INVALID`, `ERR_ROLE_ARN_INVALID`, `ERR_TENANT_NOT_FOUND`; the rest is its answer */
export async function checkKey(
  parts: StartKeyCheckParts,
  tenantId: string,
  request: { arn: string } & AskedRole,
): Promise<CheckedKey> {
  const finish = await startKeyCheck(parts, tenantId, request)
  return finish()
}

/**
 * The same in two steps: what is wrong with the request is refused by the first one, and the second one calls the KMS.
 *
 * @param onCheck - hears of each check when it ends
 */
export async function startKeyCheck(
  parts: StartKeyCheckParts,
  tenantId: string,
  request: { arn: string } & AskedRole,
  onCheck?: (check: KeyCheck) => void,
): Promise<() => Promise<CheckedKey>> {
  const { asked, role } = await parseAskedKey(parts, tenantId, request)
  return async () => {
    const examination = await parts.examineKey(asked.arn, tenantId, role, onCheck)
    const { checks } = examination
    try {
      const inspection = acceptKey(examination, parts)
      const moved = await findMovedAlias(parts.store, tenantId, asked, inspection.keyArn)
      const registered = await parts.store.keyProviders.find(tenantId, keyArnFingerprint(inspection.keyArn))
      return {
        checks: moved === undefined ? checks : [...checks, movedCheck(moved, asked.arn)],
        ...{ inspection, error: undefined, isRegistered: registered !== undefined },
      }
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      return { checks, inspection: undefined, error, isRegistered: false }
    }
  }
}

function movedCheck(moved: NonNullable<Awaited<ReturnType<typeof findMovedAlias>>>, alias: string): KeyCheck {
  return { check: 'Alias', outcome: 'warning', ...moved, params: { alias } }
}
