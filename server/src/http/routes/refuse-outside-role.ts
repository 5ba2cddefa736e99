// Scopes of a new API key name permissions that its role has: another one would allow nothing, and whoever asks for it means something else.
import { findOutsideRole, type Role } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { readScopes } from '../../access/scopes.ts'

/**
 * A key that makes others may have any scope that they may have: theirs lie within its own.
 *
 * @throws KeyholdError `ERR_SCOPE_OUTSIDE_ROLE`
 */
export function refuseOutsideRole(role: Role, scopes: readonly string[]): void {
  const outside = findOutsideRole(role, [...readScopes(scopes).keys()])
  if (outside === undefined) return
  throw new KeyholdError('ERR_SCOPE_OUTSIDE_ROLE', {
    message: `The role ${role} does not have the permission ${outside}: leave the scope out, or choose another role.`,
  })
}
