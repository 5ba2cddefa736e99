// Of whom a refusal of a KEK ends the keys that are held.
import { isPolicyDenial, kindOf, type ErrorCode } from '@keyhold/core'
import type { Denial } from '../store/notifications.ts'

/**
 * A policy, a role and a damaged row speak of one tenant: its neighbours under the same KEK go on, and each meets its own
 * refusal within its TTL. Everything else is a state of the key, and ends the keys of all tenants under it.
 */
export function denialOf(code: ErrorCode, { keyArn, tenantId }: Required<Denial>): Denial {
  const isOfTenant =
    isPolicyDenial(code) ||
    kindOf(code) === 'damage' ||
    code === 'ERR_ROLE_WITHOUT_EXTERNAL_ID' ||
    code === 'ERR_ROLE_TRUST_TOO_WIDE'
  return isOfTenant ? { keyArn, tenantId } : { keyArn }
}
