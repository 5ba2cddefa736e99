// A version of the tenant key as lists show it.
import type { TenantKeyInformation } from '@keyhold/contract'
import { keyArnFingerprint } from '@keyhold/core'
import type { ShownVersion } from '../../store/tenant-keys/tenant-key-row.ts'
import { arnWire } from './key-job-wire.ts'

export function tenantKeyWire(tenantId: string, row: ShownVersion): TenantKeyInformation {
  const { version } = row
  if (row.isTampered === true)
    return { version, state: 'tampered', keyArn: '', fingerprint: '', createdAt: '' }
  const { state, keyArn, createdAt, destroyAfter, destroyedAt } = row
  // The key provider may be deleted by now. Its fingerprint comes from the key's ARN.
  const fingerprint = keyArn.startsWith('arn:') ? keyArnFingerprint(keyArn) : tenantId
  return {
    version,
    state,
    keyArn: arnWire(tenantId, fingerprint, keyArn),
    fingerprint,
    createdAt: createdAt.toISOString(),
    ...(destroyAfter !== undefined && { destroyAfter: destroyAfter.toISOString() }),
    ...(destroyedAt !== undefined && { destroyedAt: destroyedAt.toISOString() }),
  }
}
