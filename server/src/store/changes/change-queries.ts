// Changes as rows, and their notifications. Both are committed, or neither is: who misses a notification finds the row.
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import type { Change } from './change.ts'

/** For changes that the replica that makes them has to hear of as well. */
export const noOrigin = '00000000-0000-0000-0000-000000000000'

export const changesChannel = 'keyhold_changes'

/** Rows are kept for so long. A replica that heard nothing for longer does not know what it has missed. */
export const keptChangesSeconds = 600

const forgottenAtOnce = 10_000

export function changeQueries(db: Database) {
  return {
    /** @param origin - names the replica that tells it */
    async publish(origin: string, change: Change): Promise<void> {
      const content = JSON.stringify(change)
      await sql`
        with inserted as (
          insert into keyhold.changes (origin, content) values (${origin}::uuid, ${content}::jsonb) returning *
        )
        select pg_notify(${changesChannel}, json_build_object('id', id, 'origin', origin, 'content', content)::text)
        from inserted`.execute(db)
    },

    /** Deletes what is older than it is kept. */
    async forget(): Promise<void> {
      for (;;) {
        const { numAffectedRows = 0n } = await sql`
          delete from keyhold.changes where id in (
            select id from keyhold.changes where created_at < now() - make_interval(secs => ${keptChangesSeconds})
            order by created_at limit ${forgottenAtOnce} for update skip locked
          )`.execute(db)
        if (numAffectedRows < BigInt(forgottenAtOnce)) return
      }
    },
  }
}
