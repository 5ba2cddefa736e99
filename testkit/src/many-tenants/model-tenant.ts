// The rows of a tenant that Keyhold itself has written, as the model of many others: they get ids, keys and times of their own,
// and MACs over all of it.
import { sql, type Selectable } from 'kysely'
import type { Database } from '../../../server/src/store/database.ts'
import type { Tables } from '../../../server/src/store/tables.ts'
import type { CopiedRow } from './copy-rows.ts'

/** The tables of which a tenant has rows, by the column that names it. In the order in which rows must come. */
export const tenantTables = {
  tenants: 'id',
  tenant_guards: 'tenant_id',
  key_providers: 'tenant_id',
  tenant_keys: 'tenant_id',
  key_jobs: 'tenant_id',
  key_health: 'tenant_id',
  key_probes: 'tenant_id',
  api_keys: 'tenant_id',
  audit_heads: 'chain',
  audits: 'chain',
} as const

export type TenantTable = keyof typeof tenantTables
/** As the store reads them. */
export type TenantRows = { [Table in TenantTable]: Selectable<Tables[Table]>[] }

/** A model, as threads get it. */
export interface ModelText {
  tenantId: string
  /** Undefined: it is with the internal KMS. */
  keyArn: string | undefined
  /** Its rows. */
  text: string
  apiKeyIds: string[]
}

/** Call it when nobody changes the tenant. */
export async function readModel(
  db: Database,
  tenantId: string,
  keyArn: string | undefined,
): Promise<ModelText> {
  const rows: Record<string, CopiedRow[]> = {}
  for (const [table, column] of Object.entries(tenantTables)) {
    const found = await sql<CopiedRow>`
      select * from ${sql.table(`keyhold.${table}`)} where ${sql.ref(column)} = ${tenantId}`.execute(db)
    rows[table] = found.rows
  }
  rows.audits?.sort((a, b) => Number(a.sequence) - Number(b.sequence))
  return {
    ...{ tenantId, keyArn, text: toText(rows) },
    apiKeyIds: (rows.api_keys ?? []).map(({ id }) => String(id)),
  }
}

function toText(rows: Record<string, CopiedRow[]>): string {
  const marked = (value: unknown) => {
    if (value instanceof Date) return { $time: value.getTime() }
    if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') }
    return value
  }
  return JSON.stringify(rows, function (this: Record<string, unknown>, name, value: unknown) {
    // By now a time and bytes have become texts.
    return marked(this[name] ?? value)
  })
}

/** @param later - added to each time, in milliseconds */
export function fromText(text: string, later: number): TenantRows {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if ('$time' in value) return new Date(Number(value.$time) + later)
    if ('$bytes' in value) return Buffer.from(String(value.$bytes), 'base64')
    return value
  }) as TenantRows
}
