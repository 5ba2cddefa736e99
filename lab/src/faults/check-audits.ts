// Reads the audit trail from outside: every step of every migration is recorded exactly once, nothing is recorded that
// did not happen, and each chain is whole.
import { auditChainStart, auditHash } from '@keyhold/core'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'

interface AuditRow {
  sequence: string
  id: string
  at: Date
  actor_id: string
  actor_role: string | null
  action: string
  target_kind: string
  target_id: string
  trace_id: string | null
  details: Record<string, string>
  hash: Buffer
  head_sequence: string
  head_hash: Buffer
}

/** Answers everything that is wrong with the trail of one tenant. */
export async function checkAudits(cluster: Cluster, tenantId: string): Promise<string[]> {
  return [...(await wrongCounts(cluster, tenantId)), ...(await brokenChain(cluster, tenantId))].map(
    (problem) => `${tenantId}: audit: ${problem}`,
  )
}

// One statement, so that all counts are of one moment.
async function wrongCounts(cluster: Cluster, tenantId: string): Promise<string[]> {
  const rows = await cluster.sql(
    `with recorded as (
       select action, target_id, count(*) as records from keyhold.audits where chain = $1 group by 1, 2
     ), expected as (
       select j.id::text as target_id, e.action, e.records
       from keyhold.key_jobs j cross join lateral (values
         ('migration.start', 1),
         ('migration.cutover', case when j.phase = 'done' then 1 else 0 end),
         ('migration.cancel', case when j.phase in ('aborting', 'aborted') then 1 else 0 end),
         ('migration.abort', case when j.phase = 'aborted' then 1 else 0 end)
       ) as e (action, records)
       where j.tenant_id = $1
       union all
       select fingerprint, 'keyprovider.create', 1 from keyhold.key_providers where tenant_id = $1 and kms = 'aws'
       union all
       select version::text, 'tenantkey.destroy', 1 from keyhold.tenant_keys
       where tenant_id = $1 and state = 'destroyed'
     )
     select coalesce(e.action, t.action) as action, coalesce(e.target_id, t.target_id) as target_id,
       coalesce(e.records, 0) as expected, coalesce(t.records, 0) as records
     from expected e full join recorded t on t.action = e.action and t.target_id = e.target_id
     where (e.action is not null and coalesce(t.records, 0) <> e.records)
       or (e.action is null and t.action in ('migration.start', 'migration.cutover', 'migration.cancel',
         'migration.abort', 'keyprovider.create'))
       or (t.action in ('migration.prepare', 'migration.dual') and t.records > 1)`,
    [tenantId],
  )
  return rows.map(
    ({ action, target_id: targetId, expected, records }) =>
      `${String(action)} of ${String(targetId)} is recorded ${String(records)} times, not ${String(expected)}`,
  )
}

async function brokenChain(cluster: Cluster, tenantId: string): Promise<string[]> {
  const rows = (await cluster.sql(
    `select a.*, h.sequence as head_sequence, h.hash as head_hash
     from keyhold.audits a join keyhold.audit_heads h using (chain) where chain = $1 order by a.sequence`,
    [tenantId],
  )) as unknown as AuditRow[]
  let hash: Buffer = auditChainStart
  for (const [index, row] of rows.entries()) {
    if (Number(row.sequence) !== index + 1) return [`record ${index + 1} is missing`]
    hash = auditHash(hash, {
      tenantId,
      sequence: index + 1,
      id: row.id,
      at: row.at,
      actorId: row.actor_id,
      actorRole: row.actor_role ?? undefined,
      action: row.action,
      targetKind: row.target_kind,
      targetId: row.target_id,
      traceId: row.trace_id ?? undefined,
      details: row.details,
    })
    if (!hash.equals(row.hash)) return [`record ${index + 1} has changed since it was written`]
  }
  const head = rows.at(-1)
  if (head === undefined) return ['there is no record']
  const isWhole = Number(head.head_sequence) === rows.length && head.head_hash.equals(hash)
  return isWhole ? [] : ['the head is not that of the last record']
}
