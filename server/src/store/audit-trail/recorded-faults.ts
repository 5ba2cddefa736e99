// The faulty rows that the audit trail has told of lately: no replica tells of them again.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

/** The action of records about faulty rows. */
export const faultAction = 'integrity.fault'

// The newest records of a chain, which are read in a few milliseconds while others wait for its head.
const newestRecords = 1_000

export function recordedFaultQueries(db: Database) {
  return {
    /** The tenant of a key job; undefined: there is no such key job. */
    async findTenantOfKeyJob(keyJobId: string): Promise<string | undefined> {
      const { rows } = await sql<{ tenant_id: string }>`
        select tenant_id from keyhold.key_jobs where id::text = ${keyJobId}`.execute(db)
      return rows[0]?.tenant_id
    },

    /** Whether there is a tenant of that id: nobody else gets a chain of audit records. */
    async isTenant(tenantId: string): Promise<boolean> {
      const { rows } = await sql`select from keyhold.tenants where id = ${tenantId}`.execute(db)
      return rows.length > 0
    },

    /**
     * Keeps everybody from appending to a chain until the transaction ends, and answers the targets of such records in it that
     * are younger than that, as far as they are among its newest records. Call it last in a transaction.
     */
    async lockRecent(tenantId: string | undefined, withinSeconds: number): Promise<Set<string>> {
      const chain = tenantId ?? ''
      // Of a chain that has no record yet the head is made.
      await sql`insert into keyhold.audit_heads (chain) values (${chain})
        on conflict (chain) do update set chain = excluded.chain`.execute(db)
      const { rows } = await sql<{ target_id: string }>`
        select target_id from keyhold.audits
        where chain = ${chain} and action = ${faultAction} and at > now() - make_interval(secs => ${withinSeconds})
          and sequence > (select sequence from keyhold.audit_heads where chain = ${chain}) - ${newestRecords}::bigint`.execute(
        db,
      )
      return new Set(rows.map((row) => row.target_id))
    },
  }
}
