// API keys for people.
import type { ApiKey } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const apiKeyView: View<ApiKey> = {
  ids: ({ id }) => [id],
  text: (apiKey) => formatFields(fieldsOf(apiKey)),
}

/** A new API key; `key` is shown unless it went into a file. */
export const createdApiKeyView: View<ApiKey & { key?: string }> = {
  ids: ({ id }) => [id],
  text: ({ key, ...apiKey }) => formatFields([...fieldsOf(apiKey), ['key', key]]),
}

type ListedApiKey = ApiKey & { lastUsedAt?: string; tampered?: true }

export const apiKeyListView: View<{ apiKeys: ListedApiKey[] }> = {
  ids: ({ apiKeys }) => apiKeys.map(({ id }) => id),
  text: ({ apiKeys }) =>
    formatTable(
      ['ID', 'ROLE', 'TENANT', 'NAME', 'CREATED', 'EXPIRES', 'LAST USED', 'SCOPES', 'ADDRESSES'],
      apiKeys.map(
        ({ id, role, tenantId, name, createdAt, expiresAt, lastUsedAt, scopes, addresses, tampered }) =>
          tampered === true
            ? [id, '(tampered)', '-', '-', '-', '-', '-', '-', '-']
            : [
                ...[id, role, tenantId ?? '-', name, readableTime(createdAt)],
                expiresAt === undefined ? 'never' : readableTime(expiresAt),
                lastUsedAt === undefined ? '-' : readableTime(lastUsedAt),
                scopes === undefined ? '-' : scopesText(scopes),
                addresses?.join(' ') ?? '-',
              ],
      ),
    ),
}

function fieldsOf({
  id,
  role,
  tenantId,
  name,
  createdAt,
  expiresAt,
  scopes,
  addresses,
  predecessorId,
}: ApiKey): [string, string | undefined][] {
  return [
    ['id', id],
    ['role', role],
    ['tenant', tenantId],
    ['name', name],
    ['created', readableTime(createdAt)],
    ['expires', expiresAt === undefined ? 'never' : readableTime(expiresAt)],
    ['scopes', scopes && scopesText(scopes)],
    ['addresses', addresses?.join(' ')],
    ['replaces', predecessorId],
  ]
}

function scopesText(scopes: readonly string[]): string {
  return scopes.length === 0 ? '(nothing)' : scopes.join(' ')
}
