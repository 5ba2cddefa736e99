// Replicas that are alive, by the database's clock: those of the replicas need not agree.
import { sql } from 'kysely'
import type { Database } from './database.ts'

// A row stays for a while after its replica has fallen silent, for whoever looks for the reason.
const keptTimes = 10

export function replicaQueries(db: Database) {
  return {
    /**
     * Tells that this replica is alive, and answers how many others have told so within `goneMs`. Rows that are much older
     * are deleted.
     */
    async beat(id: string, goneMs: number): Promise<number> {
      const { rows } = await sql<{ others: number }>`
        with mine as (
          insert into keyhold.replicas (id) values (${id})
          on conflict (id) do update set seen_at = now()
        )
        select count(*)::int as others from keyhold.replicas
        where id <> ${id} and seen_at > now() - ${goneMs} * interval '1 millisecond'`.execute(db)
      // Apart from the own row: two that come back at once, each with the other's row in hand, would wait for ever.
      await sql`
        delete from keyhold.replicas where id in (
          select id from keyhold.replicas
          where id <> ${id} and seen_at < now() - ${keptTimes * goneMs} * interval '1 millisecond'
          for update skip locked
        )`.execute(db)
      return rows[0]?.others ?? 0
    },

    /** From now on the others do not count this replica. */
    async leave(id: string): Promise<void> {
      await db.deleteFrom('replicas').where('id', '=', id).execute()
    },
  }
}
