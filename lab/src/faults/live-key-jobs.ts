// The key jobs that have not ended, as the database has them.
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'

export interface LiveKeyJob {
  id: string
  tenantId: string
  phase: string
  /** Cipherkeys that are not under the target's version. */
  stale: number
}

export async function readLiveKeyJobs({ sql }: Cluster): Promise<LiveKeyJob[]> {
  const rows = await sql(
    `select j.id, j.tenant_id, j.phase,
       (select count(*) from keyhold.cipherkeys c
        where c.tenant_id = j.tenant_id and c.tenant_key_version <> j.target_version) as stale
     from keyhold.key_jobs j where j.phase not in ('done', 'aborted')`,
  )
  return rows.map(({ id, tenant_id: tenantId, phase, stale }) => ({
    id: String(id),
    tenantId: String(tenantId),
    phase: String(phase),
    stale: Number(stale),
  }))
}
