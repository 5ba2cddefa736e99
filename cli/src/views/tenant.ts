// Tenants for people.
import type { Tenant } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const tenantView: View<Tenant> = {
  ids: ({ id }) => [id],
  text: ({ id, name, createdAt, deletionDueAt }) =>
    formatFields([
      ['id', id],
      ['name', name],
      ['created', readableTime(createdAt)],
      ['deletion due', deletionDueAt && readableTime(deletionDueAt)],
    ]),
}

export const tenantListView: View<{ tenants: Tenant[] }> = {
  ids: ({ tenants }) => tenants.map(({ id }) => id),
  text: ({ tenants }) =>
    formatTable(
      ['ID', 'NAME', 'CREATED'],
      tenants.map(({ id, name, createdAt }) => [id, name, readableTime(createdAt)]),
    ),
}
