// API keys for people.
import type { ApiKey } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

/** A new API key; `key` is shown unless it went into a file. */
export const createdApiKeyView: View<ApiKey & { key?: string }> = {
  ids: ({ id }) => [id],
  text: ({ id, role, tenantId, name, createdAt, key }) =>
    formatFields([
      ['id', id],
      ['role', role],
      ['tenant', tenantId],
      ['name', name],
      ['created', readableTime(createdAt)],
      ['key', key],
    ]),
}

export const apiKeyListView: View<{ apiKeys: (ApiKey & { tampered?: true })[] }> = {
  ids: ({ apiKeys }) => apiKeys.map(({ id }) => id),
  text: ({ apiKeys }) =>
    formatTable(
      ['ID', 'ROLE', 'TENANT', 'NAME', 'CREATED'],
      apiKeys.map(({ id, role, tenantId, name, createdAt, tampered }) =>
        tampered === true
          ? [id, '(tampered)', '-', '-', '-']
          : [id, role, tenantId ?? '-', name, readableTime(createdAt)],
      ),
    ),
}
