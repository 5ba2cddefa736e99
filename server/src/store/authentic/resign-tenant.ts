// Signs everything of a tenant as it is: when an operator adopts what is stored. Whatever somebody planted before is adopted
// with it, so the operator is shown it first.
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { readAnchors } from '../fence/anchors.ts'
import { readFence } from '../fence/fence-queries.ts'
import type { FenceRow } from '../fence/fence-row.ts'
import { adoptApiKeys } from '../api-keys/resign-scope.ts'
import { fillMinimumVersions } from '../cipherkeys/fill-minimum-versions.ts'
import type { RowMacs } from './row-macs.ts'
import { fillRows } from './fill-rows.ts'
import { signRows } from './sign-rows.ts'
import type { SteeringKind } from './steering-kinds.ts'

const kinds = [
  'guard',
  'tenantKey',
  'keyProvider',
  'keyJobTerms',
  'keyJobProgress',
  'destruction',
  'minimumVersion',
  'apiKey',
  'keyHealth',
  'setupDraft',
] as const satisfies SteeringKind[]

/**
 * Signs the rows of a tenant, and its fence with its manifest. Its audit records are not among them.
 *
 * @param db - a transaction at the level read committed, of which this is the first that locks anything
 * @returns how many rows had no right MAC, the fence apart
 */
export async function resignTenant(db: Database, macs: RowMacs, tenantId: string): Promise<number> {
  await sql`select * from keyhold.fence_alone(${tenantId})`.execute(db)
  await fillMinimumVersions(db, tenantId)
  await fillRows(db, tenantId)
  let signed = 0
  for (const kind of kinds) signed += await signRows(db, macs, kind, sql`tenant_id = ${tenantId}`)
  const ofTenant = sql`key_job_id in (select id from keyhold.key_jobs where tenant_id = ${tenantId})`
  signed += await signRows(db, macs, 'keyJobFailure', ofTenant)
  const row = await readFence(db, tenantId)
  if (row !== undefined) await signFence(db, macs, row)
  return signed
}

/** Signs a fence with what it states of other rows as they are. Under the fence. */
export async function signFence(db: Database, macs: RowMacs, row: FenceRow): Promise<void> {
  const next = { ...row, ...(await readAnchors(db, row)), generation: row.generation + 1 }
  await db
    .updateTable('tenants')
    .set({
      active_tenant_key_id: next.active_tenant_key_id,
      current_fingerprint: next.current_fingerprint,
      live_job_id: next.live_job_id,
      manifest: next.manifest,
      generation: next.generation,
      mac: macs.sign('fence', next),
    })
    .where('id', '=', row.id)
    .returning('id')
    .executeTakeFirstOrThrow()
}

/**
 * Signs the rows that belong to no tenant: the installation's, its brand, those of its former signing keys, the API keys of operators, and
 * the destructions of tenants that are deleted.
 */
export async function resignInstallation(db: Database, macs: RowMacs): Promise<number> {
  await adoptApiKeys(db, undefined)
  const apiKeys = await signRows(db, macs, 'apiKey', sql`tenant_id is null`)
  const destructions = await signRows(
    db,
    macs,
    'destruction',
    sql`not exists (select from keyhold.tenants t where t.id = tenant_id)`,
  )
  const formerKeys = await signRows(db, macs, 'formerSigningKey', sql`true`)
  const issuerKeys = await signRows(db, macs, 'issuerKey', sql`true`)
  const brands = await signRows(db, macs, 'brand', sql`true`)
  return (
    apiKeys +
    destructions +
    formerKeys +
    issuerKeys +
    brands +
    (await signRows(db, macs, 'installation', sql`true`))
  )
}
