// The tenant's settings for people.
import type { TenantSettings } from '@keyhold/client'
import { formatFields } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'

export const tenantSettingsView: View<TenantSettings> = {
  ids: ({ effective }) => [String(effective.keyCacheTtlSeconds)],
  text: ({ tenantId, keyCacheTtlSeconds, effective, limits }) =>
    formatFields([
      ['tenant', tenantId],
      [
        'key cache TTL',
        `${effective.keyCacheTtlSeconds} s, ${keyCacheTtlSeconds === null ? 'the default' : `chosen: ${keyCacheTtlSeconds} s`}`,
      ],
      ['allowed', `${limits.keyCacheTtlSeconds.min} to ${limits.keyCacheTtlSeconds.max} s`],
    ]),
}
