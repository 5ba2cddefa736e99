// The statements of a fence about other rows, as those rows show it: when they are adopted, and until then.
import { sql } from 'kysely'
import { manifestDigest, readEntries, selectEntries } from '../authentic/manifest.ts'
import type { Database } from '../database.ts'
import type { FenceRow } from './fence-row.ts'

type Anchors = Pick<FenceRow, 'active_tenant_key_id' | 'current_fingerprint' | 'live_job_id' | 'manifest'>

/** Call it while nobody else changes rows of the tenant: under its fence. */
export async function readAnchors(
  db: Database,
  { id, active_tenant_key_version: version }: Pick<FenceRow, 'id' | 'active_tenant_key_version'>,
): Promise<Anchors> {
  const { rows } = await sql<Anchors & { entries: Parameters<typeof readEntries>[0] }>`
    select
      (select id from keyhold.tenant_keys where tenant_id = ${id} and version = ${version}) as active_tenant_key_id,
      (select fingerprint from keyhold.key_providers where tenant_id = ${id} and is_current) as current_fingerprint,
      (select id from keyhold.key_jobs where tenant_id = ${id} and phase not in ('done', 'aborted')) as live_job_id,
      ${selectEntries(id)} as entries`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('the database does not answer')
  const { entries, ...anchors } = row
  return { ...anchors, manifest: manifestDigest(readEntries(entries)) }
}
