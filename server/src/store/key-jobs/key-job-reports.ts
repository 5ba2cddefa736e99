// Signed reports of key jobs, kept byte for byte.
import type { Database } from '../database.ts'

export function keyJobReportQueries(db: Database) {
  return {
    async insert(keyJobId: string, jws: string): Promise<void> {
      await db.insertInto('key_job_reports').values({ key_job_id: keyJobId, jws }).execute()
    },

    async find(tenantId: string, keyJobId: string): Promise<string | undefined> {
      const row = await db
        .selectFrom('key_job_reports as r')
        .innerJoin('key_jobs as j', 'j.id', 'r.key_job_id')
        .select('r.jws')
        .where('j.tenant_id', '=', tenantId)
        .where('r.key_job_id', '=', keyJobId)
        .executeTakeFirst()
      return row?.jws
    },
  }
}
