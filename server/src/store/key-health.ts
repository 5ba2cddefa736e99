// The known states of customers' keys.
import { sql } from 'kysely'
import type { RowMacs } from './authentic/row-macs.ts'
import type { SeenGenerations } from './authentic/seen-generations.ts'
import { columnsOfKind, type StoredRow } from './authentic/steering-kinds.ts'
import type { Database } from './database.ts'
import { withoutEndlessTimes } from './authentic/without-endless-times.ts'
import { unlessFaulty } from './authentic/row-faults.ts'
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
  /** It is not as Keyhold wrote it, or an older one that somebody has put back: nobody knows the state of the key. */
  isFaulty?: true
}

interface Parts {
  macs: RowMacs
  /** Since when each state is shown, in milliseconds since 1970: it only grows. */
  seen: SeenGenerations
}

const timesOf = (row: { since: Date; checked_at: Date }) => {
  const { since, checked_at: checkedAt } = withoutEndlessTimes(row)
  return { since, checkedAt }
}

type KeyName = Pick<KeyHealthRow, 'tenantId' | 'fingerprint'>

type StoredKeyHealth = StoredRow<'keyHealth'>

// Each time, a row must have come that was not there, and have been changed at once, for a legal history to ask for more.
const maxReadsAgain = 3

const columns = columnsOfKind('keyHealth')
const shownColumns = ['action', 'policy', 'checked_at', 'candidate_state'] as const
const nameOf = (row: Pick<StoredKeyHealth, 'tenant_id' | 'fingerprint' | 'region'>) =>
  `${row.tenant_id}/${row.fingerprint}/${row.region}`

export function keyHealthQueries(db: Database, { macs, seen }: Parts) {
  // A time that is infinite comes as a number, and as one that is not valid is older than none.
  /** By what was remembered before the statement began that read it; where that is not known, by what is remembered now. */
  const isOld = (row: StoredKeyHealth, before: ReadonlyMap<string, number>) =>
    new Date(row.since).getTime() < (before.get(nameOf(row)) ?? seen.get(nameOf(row)))

  function isFaulty(row: StoredKeyHealth, asked: Partial<KeyName>, before: ReadonlyMap<string, number>) {
    // A sealed replica verifies nothing, and asks no KMS.
    if (macs.isSealed()) return false
    const verified = unlessFaulty(() => {
      macs.verify('keyHealth', row)
      const { tenantId = row.tenant_id, fingerprint = row.fingerprint } = asked
      if (row.tenant_id !== tenantId || row.fingerprint !== fingerprint)
        macs.reject('keyHealth', row, 'forged')
      if (isOld(row, before)) macs.reject('keyHealth', row, 'older')
      seen.raise(nameOf(row), row.since.getTime())
      return true
    })
    return verified === undefined
  }

  return {
    /** Of all key providers of the tenant, or of one. */
    async list(tenantId: string, fingerprint?: string): Promise<KeyHealthRow[]> {
      const read = () => {
        let query = db
          .selectFrom('key_health')
          .select([...columns, ...shownColumns])
          .where('tenant_id', '=', tenantId)
        if (fingerprint !== undefined) query = query.where('fingerprint', '=', fingerprint)
        return query.orderBy('region').execute()
      }
      const before = new Map<string, number>()
      let rows = await read()
      // Another statement may have shown a newer row meanwhile. A row that only a later answer shows is looked at once more, too.
      for (let again = 0; again < maxReadsAgain && rows.some((row) => isOld(row, before)); again++) {
        for (const row of rows) before.set(nameOf(row), seen.get(nameOf(row)))
        rows = await read()
      }
      return rows.map((row) => ({
        // Where the database shows the row of another key, it is a faulty one of this key.
        tenantId,
        fingerprint: fingerprint ?? row.fingerprint,
        region: row.region,
        state: row.state,
        code: row.code ?? undefined,
        action: row.action ?? undefined,
        policy: row.policy ?? undefined,
        ...timesOf(row),
        candidateState: row.candidate_state ?? undefined,
        ...(isFaulty(row, { tenantId, ...(fingerprint !== undefined && { fingerprint }) }, before) && {
          isFaulty: true as const,
        }),
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
      const signed = {
        tenant_id: row.tenantId,
        fingerprint: row.fingerprint,
        region: row.region,
        state: row.state,
        code: row.code ?? null,
        since: row.since,
      }
      const values = {
        state: row.state,
        code: signed.code,
        action: row.action ?? null,
        policy: row.policy ?? null,
        since: row.since,
        checked_at: row.checkedAt,
        candidate_state: row.candidateState ?? null,
        mac: macs.sign('keyHealth', signed),
      }
      await db
        .insertInto('key_health')
        .values({ ...signed, ...values })
        .onConflict((conflict) =>
          conflict.columns(['tenant_id', 'fingerprint', 'region']).doUpdateSet(values),
        )
        .execute()
      seen.raise(nameOf(signed), row.since.getTime())
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
