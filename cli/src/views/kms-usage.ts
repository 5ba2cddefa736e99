// Calls to AWS KMS for people.
import type { KmsUsage, KmsUsageOfAll } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'

export const kmsUsageView: View<KmsUsage> = {
  ids: ({ rows }) => daysOf(rows),
  text: (usage) => [fieldsOf(usage), rowsOf(usage)].filter(Boolean).join('\n\n'),
}

export const kmsUsageOfAllView: View<KmsUsageOfAll> = {
  ids: ({ tenants }) => tenants.map(({ tenantId }) => tenantId),
  text: (usage) => [fieldsOf(usage), rowsOf(usage), tenantsOf(usage)].filter(Boolean).join('\n\n'),
}

type Usage = Omit<KmsUsage, 'rows'> & { rows: KmsUsageOfAll['rows'] }

function daysOf(rows: readonly { day: string }[]): string[] {
  return [...new Set(rows.map(({ day }) => day))]
}

function fieldsOf({ from, to, calls, requests, estimatedCost: { usd, usdPer10000Requests } }: Usage): string {
  return formatFields([
    ['from', from],
    ['to', to],
    ['calls', String(calls)],
    ['requests', String(requests)],
    ['estimate', `${usd} US dollars, at ${usdPer10000Requests} for 10,000 requests`],
  ])
}

function rowsOf({ rows }: Usage): string {
  if (rows.length === 0) return ''
  return formatTable(
    ['DAY', 'REGION', 'ACTION', 'OUTCOME', 'PAID BY', 'CALLS', 'REQUESTS'],
    rows.map((row) => [
      row.day,
      row.region,
      row.action,
      row.outcome,
      row.paidBy,
      String(row.calls),
      String(row.requests),
    ]),
  )
}

function tenantsOf({ tenants, moreTenants }: KmsUsageOfAll): string {
  if (tenants.length === 0) return ''
  const table = formatTable(
    ['TENANT', 'CALLS', 'REQUESTS', 'ESTIMATE'],
    tenants.map((each) => [each.tenantId, String(each.calls), String(each.requests), each.estimatedUsd]),
  )
  return moreTenants ? `${table}\n… and more tenants with fewer requests` : table
}
