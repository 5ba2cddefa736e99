// The tenant's lock for people.
import type { TenantLock } from '@keyhold/client'
import { formatFields } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const tenantLockView: View<TenantLock> = {
  ids: ({ tenantId }) => [tenantId],
  text: ({ tenantId, locked, lockedAt, lockedBy, lockedByName, reason }) =>
    formatFields([
      ['tenant', tenantId],
      ['locked', locked ? 'yes' : 'no'],
      ['since', lockedAt === undefined ? undefined : readableTime(lockedAt)],
      ['by API key', lockedBy],
      ['its name', lockedByName],
      ['reason', reason],
    ]),
}
