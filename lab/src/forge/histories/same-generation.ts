// Each change of a row with a generation must raise it: an older row of the same generation could be put back, and no replica
// would notice. The MACs of the two anchor rows of a tenant are compared with those that stood there before.
import { sql } from 'kysely'
import type { Database } from '../../../../server/src/store/database.ts'

/** Answers the generations that another row has, too. It looks at the rows as they are now, and remembers them. */
export type FindSameGeneration = () => Promise<string[]>

export function createSameGeneration(db: Database, tenantId: string): FindSameGeneration {
  const seen = new Map<string, string>()
  return async () => {
    const { rows } = await sql<{ name: string; mac: string }>`
      select 'fence ' || generation as name, encode(mac, 'hex') as mac from keyhold.tenants where id = ${tenantId}
      union all select 'guard ' || generation, encode(mac, 'hex') from keyhold.tenant_guards where tenant_id = ${tenantId}
    `.execute(db)
    const same = rows.filter(({ name, mac }) => (seen.get(name) ?? mac) !== mac)
    for (const { name, mac } of rows) seen.set(name, mac)
    return same.map(({ name }) => name)
  }
}
