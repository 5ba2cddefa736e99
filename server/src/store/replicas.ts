// Replicas that are alive, by the database's clock: those of the replicas need not agree.
import { KeyholdError } from '@keyhold/core'
import { sql, type Selectable } from 'kysely'
import type { Database } from './database.ts'
import { prepareStatement } from './prepare-statement.ts'
import type { Tables } from './tables.ts'

// A row stays for a while after its replica has fallen silent, for whoever looks for the reason.
const keptTimes = 10
// A replica gives a sign every few seconds.
const aliveMs = 30_000

/** The facts that a replica tells of itself. Whoever can write to the database can tell others. */
export interface ReplicaFacts {
  host: string
  version: string
  rootKeyId: string
  /** Whether its root key file requires MACs. */
  requiresMacs: boolean
}

export interface ReplicaRow {
  id: string
  startedAt: Date
  /** Undefined: a replica of a version that tells nothing of itself. */
  facts: ReplicaFacts | undefined
}

type Told<Fact> = Fact | null

const tell = prepareStatement<
  [
    ...[id: string, host: Told<string>, version: Told<string>, rootKeyId: Told<string>],
    ...[requiresMacs: Told<boolean>, goneMs: number],
  ],
  { others: number }
>(
  (id, host, version, rootKeyId, requiresMacs, goneMs) => sql`
    with mine as (
      insert into keyhold.replicas
        (id, host, version, root_key_id, requires_macs, knows_api_key_limits, knows_web_identity)
      values (${id}, ${host}, ${version}, ${rootKeyId}, ${requiresMacs}, true, true)
      on conflict (id) do update set seen_at = now(), host = excluded.host, version = excluded.version,
        root_key_id = excluded.root_key_id, requires_macs = excluded.requires_macs, knows_api_key_limits = true,
        knows_web_identity = true
    )
    select count(*)::int as others from keyhold.replicas
    where id <> ${id} and seen_at > now() - ${goneMs}::float8 * interval '1 millisecond'`,
)
const forget = prepareStatement<[id: string, afterMs: number], never>(
  (id, afterMs) => sql`
    delete from keyhold.replicas where id in (
      select id from keyhold.replicas
      where id <> ${id} and seen_at < now() - ${afterMs}::float8 * interval '1 millisecond'
      for update skip locked
    )`,
)

export function replicaQueries(db: Database) {
  return {
    /**
     * Tells that this replica is alive, and answers how many others have told so within `goneMs`. Rows that are much older
     * are deleted.
     */
    async beat(id: string, goneMs: number, facts?: ReplicaFacts): Promise<number> {
      const { host = null, version = null, rootKeyId = null, requiresMacs = null } = facts ?? {}
      const [row] = await tell(db, id, host, version, rootKeyId, requiresMacs, goneMs)
      // Apart from the own row: two that come back at once, each with the other's row in hand, would wait for ever.
      await forget(db, id, keptTimes * goneMs)
      return row?.others ?? 0
    },

    /** The replicas that are alive, the oldest first. */
    async listLive(goneMs: number): Promise<ReplicaRow[]> {
      const rows = await db
        .selectFrom('replicas')
        .selectAll()
        .where('seen_at', '>', sql<Date>`now() - ${goneMs} * interval '1 millisecond'`)
        .orderBy('started_at')
        .orderBy('id')
        .execute()
      return rows.map(fromRow)
    },

    /** All that the table knows, those that have fallen silent too; the oldest first. */
    async listAll(goneMs: number): Promise<(ReplicaRow & { seenAt: Date; isLive: boolean })[]> {
      const rows = await db
        .selectFrom('replicas')
        .selectAll()
        .select(sql<boolean>`seen_at > now() - ${goneMs}::float8 * interval '1 millisecond'`.as('is_live'))
        .orderBy('started_at')
        .orderBy('id')
        .execute()
      return rows.map((row) => ({ ...fromRow(row), seenAt: row.seen_at, isLive: row.is_live }))
    },

    /**
     * For who writes rows that replicas of the version before take for forged.
     *
     * @throws KeyholdError `ERR_REPLICAS_OLDER` while one is alive that does not know them
     */
    async refuseOlder(fact: 'knows_api_key_limits' | 'knows_web_identity'): Promise<void> {
      const row = await db
        .selectFrom('replicas')
        .select('id')
        .where('seen_at', '>', sql<Date>`now() - ${aliveMs}::float8 * interval '1 millisecond'`)
        .where(fact, 'is', null)
        .executeTakeFirst()
      if (row !== undefined) throw new KeyholdError('ERR_REPLICAS_OLDER')
    },

    /** The names of all other connections to this database, whoever has them. */
    async listConnectionNames(): Promise<string[]> {
      const { rows } = await sql<{ name: string }>`
        select distinct application_name as name from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name <> ''
        order by 1`.execute(db)
      return rows.map(({ name }) => name)
    },

    /** From now on the others do not count this replica. */
    async leave(id: string): Promise<void> {
      await db.deleteFrom('replicas').where('id', '=', id).execute()
    },
  }
}

function fromRow({
  id,
  started_at,
  host,
  version,
  root_key_id,
  requires_macs,
}: Selectable<Tables['replicas']>): ReplicaRow {
  return {
    id,
    startedAt: started_at,
    facts:
      host === null || version === null || root_key_id === null || requires_macs === null
        ? undefined
        : { host, version, rootKeyId: root_key_id, requiresMacs: requires_macs },
  }
}
