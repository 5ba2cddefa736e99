// When API keys were last used, as replicas note it once a minute. Nobody is let in or refused for it: a lie about it is shown.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

export function apiKeyUseQueries(db: Database) {
  return {
    /** Notes uses. A later time that another replica has noted stays. Keys that are gone are left out. */
    async note(usedAt: ReadonlyMap<string, Date>): Promise<void> {
      if (usedAt.size === 0) return
      // In the order of their ids: two replicas that note the same keys do not wait for one another in a circle.
      const ids = [...usedAt.keys()].toSorted()
      const times = ids.map((id) => usedAt.get(id)?.toISOString() ?? '')
      await sql`
        insert into keyhold.api_key_uses as u (api_key_id, used_at)
        select v.id, v.at from unnest(${ids}::text[], ${times}::timestamptz[]) v (id, at)
        join keyhold.api_keys k on k.id = v.id order by v.id
        on conflict (api_key_id) do update set used_at = greatest(u.used_at, excluded.used_at)`.execute(db)
    },

    /** By the ids of keys; one that was never used is left out. */
    async findAll(ids: readonly string[]): Promise<Map<string, Date>> {
      if (ids.length === 0) return new Map()
      const rows = await db
        .selectFrom('api_key_uses')
        .selectAll()
        .where('api_key_id', '=', sql<string>`any(${ids}::text[])`)
        .execute()
      return new Map(rows.map(({ api_key_id, used_at }) => [api_key_id, used_at]))
    },
  }
}
