// The known states of customers' keys.
import { sql, type RawBuilder } from 'kysely'
import type { Database } from './database.ts'
import type { KeyHealthState } from './tables.ts'

export interface KeyHealthRow {
  tenantId: string
  fingerprint: string
  region: string
  state: KeyHealthState
  /** The code of the error that the state comes from; undefined: healthy. */
  code: string | undefined
  /** The call that failed. */
  action: string | undefined
  /** The type of the policy that refused, where AWS names one. */
  policy: string | undefined
  since: Date
  checkedAt: Date
  /** The state of the last answer, where it contradicts the shown state and no second answer has confirmed it. */
  candidateState: KeyHealthState | undefined
}

/** As it is written: a moment may be one that PostgreSQL fills in. */
export type SavedKeyHealth = Omit<KeyHealthRow, 'since' | 'checkedAt'> &
  Record<'since' | 'checkedAt', Date | RawBuilder<Date>>

type KeyName = Pick<KeyHealthRow, 'tenantId' | 'fingerprint'>

export function keyHealthQueries(db: Database) {
  return {
    /** Of all key providers of the tenant, or of one. */
    async list(tenantId: string, fingerprint?: string): Promise<KeyHealthRow[]> {
      let query = db.selectFrom('key_health').selectAll().where('tenant_id', '=', tenantId)
      if (fingerprint !== undefined) query = query.where('fingerprint', '=', fingerprint)
      const rows = await query.orderBy('region').execute()
      return rows.map((row) => ({
        tenantId: row.tenant_id,
        fingerprint: row.fingerprint,
        region: row.region,
        state: row.state,
        code: row.code ?? undefined,
        action: row.action ?? undefined,
        policy: row.policy ?? undefined,
        since: row.since,
        checkedAt: row.checked_at,
        candidateState: row.candidate_state ?? undefined,
      }))
    },

    /** Lets one transaction at a time record answers about a key. Answers whether the key is registered. */
    async lock({ tenantId, fingerprint }: KeyName): Promise<boolean> {
      const row = await db
        .selectFrom('key_providers')
        .select('fingerprint')
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .forNoKeyUpdate()
        .executeTakeFirst()
      return row !== undefined
    },

    /** Call it under `lock`. */
    async save(row: SavedKeyHealth): Promise<void> {
      const values = {
        state: row.state,
        code: row.code ?? null,
        action: row.action ?? null,
        policy: row.policy ?? null,
        since: row.since,
        checked_at: row.checkedAt,
        candidate_state: row.candidateState ?? null,
      }
      await db
        .insertInto('key_health')
        .values({ tenant_id: row.tenantId, fingerprint: row.fingerprint, region: row.region, ...values })
        .onConflict((conflict) =>
          conflict.columns(['tenant_id', 'fingerprint', 'region']).doUpdateSet(values),
        )
        .execute()
    },

    /** Notes a good answer of keys that are shown as healthy anyway. Of all others nothing changes. */
    async confirm(keys: readonly Pick<KeyHealthRow, 'tenantId' | 'fingerprint' | 'region'>[]): Promise<void> {
      if (keys.length === 0) return
      await sql`
        with locked as (
          select h.tenant_id, h.fingerprint, h.region from unnest(
            ${keys.map(({ tenantId }) => tenantId)}::text[],
            ${keys.map(({ fingerprint }) => fingerprint)}::text[],
            ${keys.map(({ region }) => region)}::text[]
          ) k (tenant_id, fingerprint, region)
          join keyhold.key_health h using (tenant_id, fingerprint, region)
          where h.state = 'healthy' and h.candidate_state is null
          order by h.tenant_id, h.fingerprint, h.region for update of h
        )
        update keyhold.key_health h set checked_at = now() from locked k
        where h.tenant_id = k.tenant_id and h.fingerprint = k.fingerprint and h.region = k.region`.execute(db)
    },
  }
}
