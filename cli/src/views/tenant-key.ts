// Versions of the tenant key for people.
import type { TenantKeyInformation } from '@keyhold/client'
import { formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const tenantKeyListView: View<{ tenantKeys: TenantKeyInformation[] }> = {
  ids: ({ tenantKeys }) => tenantKeys.map(({ version }) => String(version)),
  text: ({ tenantKeys }) =>
    formatTable(
      ['VERSION', 'STATE', 'KEY ARN', 'CREATED', 'KEPT UNTIL', 'DESTROYED'],
      tenantKeys.map(({ version, state, keyArn, createdAt, destroyAfter, destroyedAt }) => [
        String(version),
        state,
        state === 'tampered' ? '-' : kmsName(keyArn),
        state === 'tampered' ? '-' : readableTime(createdAt),
        destroyAfter === undefined ? '-' : readableTime(destroyAfter),
        destroyedAt === undefined ? '-' : readableTime(destroyedAt),
      ]),
    ),
}
