// API keys as stored: a hash of the secret, never the secret.
import { sql, type Selectable } from 'kysely'
import { changeQueries, noOrigin } from './changes/change-queries.ts'
import type { Database } from './database.ts'
import { createdMicros, isAfter, type ListPage, type ListPosition } from './list-position.ts'
import type { ApiKeyRole, Tables } from './tables.ts'

export interface ApiKeyRow {
  id: string
  secretHash: Buffer
  role: ApiKeyRole
  /** Undefined: an operator, or a service for all tenants. */
  tenantId: string | undefined
  name: string
  createdAt: Date
}

export function apiKeyQueries(db: Database) {
  // In the transaction that revokes them: no replica misses it.
  const tellAll = () => changeQueries(db).publish(noOrigin, { kind: 'apiKeys' })

  return {
    async insert(key: Omit<ApiKeyRow, 'createdAt'>): Promise<ApiKeyRow> {
      const row = await db
        .insertInto('api_keys')
        .values({
          id: key.id,
          secret_hash: key.secretHash,
          role: key.role,
          tenant_id: key.tenantId ?? null,
          name: key.name,
        })
        .returning('created_at')
        .executeTakeFirstOrThrow()
      return { ...key, createdAt: row.created_at }
    },

    /** Those of the API keys that exist, by id. */
    async findAll(ids: readonly string[]): Promise<Map<string, ApiKeyRow>> {
      const rows = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('id', '=', sql<string>`any(${ids})`)
        .execute()
      return new Map(rows.map((row) => [row.id, rowOf(row)]))
    },

    /** The oldest first, without the hashes of their secrets. */
    async list({ after, limit }: ListPage): Promise<(Omit<ApiKeyRow, 'secretHash'> & ListPosition)[]> {
      let page = db
        .selectFrom('api_keys')
        .select(['id', 'role', 'tenant_id', 'name', 'created_at', createdMicros])
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) page = page.where(isAfter(after))
      return (await page.execute()).map((row) => ({
        ...{ id: row.id, role: row.role, tenantId: row.tenant_id ?? undefined, name: row.name },
        ...{ createdAt: row.created_at, createdMicros: row.created_micros },
      }))
    },

    /**
     * Whether the API key exists with that role. If so, nobody deletes it before this transaction ends, and one who is
     * deleting it has been waited for.
     */
    async hold(id: string, role: ApiKeyRole): Promise<boolean> {
      const row = await db
        .selectFrom('api_keys')
        .select('role')
        .where('id', '=', id)
        .forKeyShare()
        .executeTakeFirst()
      return row?.role === role
    },

    /** Tells all replicas. Answers the tenant whose key it was; undefined: there was no such key. */
    async delete(id: string): Promise<Pick<ApiKeyRow, 'role' | 'tenantId'> | undefined> {
      const row = await db
        .deleteFrom('api_keys')
        .where('id', '=', id)
        .returning(['role', 'tenant_id'])
        .executeTakeFirst()
      if (row !== undefined) await tellAll()
      return row && { role: row.role, tenantId: row.tenant_id ?? undefined }
    },

    /** Tells all replicas. Answers how many there were. */
    async deleteAll(tenantId: string): Promise<number> {
      const result = await db.deleteFrom('api_keys').where('tenant_id', '=', tenantId).executeTakeFirst()
      const count = Number(result.numDeletedRows)
      if (count > 0) await tellAll()
      return count
    },
  }
}

function rowOf(row: Selectable<Tables['api_keys']>): ApiKeyRow {
  return {
    id: row.id,
    secretHash: row.secret_hash,
    role: row.role,
    tenantId: row.tenant_id ?? undefined,
    name: row.name,
    createdAt: row.created_at,
  }
}
