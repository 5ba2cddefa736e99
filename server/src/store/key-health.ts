// The known states of customers' keys, and the times of their next probes.
import { sql } from 'kysely'
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
  since: Date
  checkedAt: Date
  /** The state of the last answer, where it contradicts the shown state and no second answer has confirmed it. */
  candidateState: KeyHealthState | undefined
}

/** A key to be probed, and a stored tenant key to probe it with; undefined: no tenant key depends on it any more. */
export interface DueProbe {
  tenantId: string
  fingerprint: string
  keyArn: string
  wrap: { version: number; id: string; wrapped: Buffer; keyCheckValue: Buffer } | undefined
}

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
    async save(row: KeyHealthRow): Promise<void> {
      const values = {
        state: row.state,
        code: row.code ?? null,
        action: row.action ?? null,
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

    /** Plans the first probe, within `withinSeconds`, of every key on which a stored tenant key depends. */
    async seedProbes(withinSeconds: number): Promise<void> {
      await sql`
        insert into keyhold.key_probes (tenant_id, fingerprint, due_at)
        select k.tenant_id, k.fingerprint, now() + make_interval(secs => random() * ${withinSeconds})
        from keyhold.key_providers k
        where k.kms = 'aws' and exists (
          select from keyhold.tenant_keys t
          where t.tenant_id = k.tenant_id and t.key_arn = k.key_arn and t.wrapped is not null
        )
        on conflict do nothing`.execute(db)
    },

    /** Claims keys that are due, the longest due first, so that no other replica probes them meanwhile. */
    async claimProbes(limit: number, claimSeconds: number): Promise<DueProbe[]> {
      const { rows } = await sql<{
        tenant_id: string
        fingerprint: string
        key_arn: string
        version: number | null
        id: string
        wrapped: Buffer
        key_check_value: Buffer
      }>`
        with due as (
          select tenant_id, fingerprint from keyhold.key_probes
          where due_at <= now() and (claimed_until is null or claimed_until < now())
          order by due_at limit ${limit} for update skip locked
        ), claimed as (
          update keyhold.key_probes p set claimed_until = now() + make_interval(secs => ${claimSeconds})
          from due where p.tenant_id = due.tenant_id and p.fingerprint = due.fingerprint
          returning p.tenant_id, p.fingerprint
        )
        select k.tenant_id, k.fingerprint, k.key_arn, w.*
        from claimed c join keyhold.key_providers k using (tenant_id, fingerprint)
        left join lateral (
          select t.version, t.id, t.wrapped, t.key_check_value from keyhold.tenant_keys t
          where t.tenant_id = k.tenant_id and t.key_arn = k.key_arn and t.wrapped is not null
          order by t.state = 'active' desc, t.version desc limit 1
        ) w on true`.execute(db)
      return rows.map(({ version, id, wrapped, ...row }) => ({
        tenantId: row.tenant_id,
        fingerprint: row.fingerprint,
        keyArn: row.key_arn,
        wrap: version === null ? undefined : { version, id, wrapped, keyCheckValue: row.key_check_value },
      }))
    },

    /** Ends the claim of `claimProbes`. */
    async scheduleProbe({ tenantId, fingerprint }: KeyName, inSeconds: number): Promise<void> {
      await sql`
        update keyhold.key_probes
        set claimed_until = null, due_at = now() + make_interval(secs => ${inSeconds})
        where tenant_id = ${tenantId} and fingerprint = ${fingerprint}`.execute(db)
    },

    /** Brings the next probe of a key forward. Answers whether the key is probed at all. */
    async hastenProbe({ tenantId, fingerprint }: KeyName, inSeconds: number): Promise<boolean> {
      const { rows } = await sql`
        update keyhold.key_probes
        set due_at = least(due_at, now() + make_interval(secs => ${inSeconds}))
        where tenant_id = ${tenantId} and fingerprint = ${fingerprint} returning 1`.execute(db)
      return rows.length > 0
    },

    async endProbes({ tenantId, fingerprint }: KeyName): Promise<void> {
      await db
        .deleteFrom('key_probes')
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .execute()
    },
  }
}
