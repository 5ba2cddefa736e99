// Rows of what key jobs have set aside, as they are signed: an acceptance in the name of somebody leaves keys behind, so that
// nothing follows from one that Keyhold did not write.
import { encodeRow, type RowColumnType } from '@keyhold/core'
import { createHash } from 'node:crypto'
import { sql, type RawBuilder, type Selectable } from 'kysely'
import type { RowMacs } from '../authentic/row-macs.ts'
import { columnsOfKind } from '../authentic/steering-kinds.ts'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import type { Database } from '../database.ts'
import type { Tables } from '../tables.ts'

/** A row of the table. */
export type StoredFailure = Selectable<Tables['key_job_failures']>

export interface Acceptance {
  acceptedAt: Date
  acceptedBy: string
}

/** The failures of a key job, all of which were verified. */
export interface FailureSet {
  open: number
  accepted: number
  /** It changes with every failure that is added, missing or another one. */
  digest: Buffer
}

/** The columns of failures `f`. */
export const failureColumns: RawBuilder<unknown> = sql.join(
  columnsOfKind('keyJobFailure').map((column) => sql.ref(`f.${column}`)),
)

/** The acceptance of a verified row; undefined: it is open. */
export function acceptanceIn({ accepted_at, accepted_by }: StoredFailure): Acceptance | undefined {
  return accepted_at === null || accepted_by === null
    ? undefined
    : { acceptedAt: accepted_at, acceptedBy: accepted_by }
}

/**
 * Which of these rows are acceptances of a tenant's admin: of its own key jobs, and both as Keyhold wrote them. The others
 * count for nothing, and whoever accepts them again is asked again.
 */
export async function onlyAcceptances(
  db: Database,
  macs: RowMacs,
  tenantId: string,
  rows: readonly StoredFailure[],
): Promise<StoredFailure[]> {
  const accepted = rows.filter(
    (row) => acceptanceIn(row) !== undefined && macs.faultOf('keyJobFailure', row) === undefined,
  )
  const ids = [...new Set(accepted.map(({ key_job_id }) => key_job_id))]
  if (ids.length === 0) return []
  const jobs = await db
    .selectFrom('key_jobs')
    .select(columnsOfKind('keyJobTerms'))
    .where('id', 'in', ids)
    .execute()
  const own = new Set(
    jobs
      .filter((job) => job.tenant_id === tenantId && macs.faultOf('keyJobTerms', job) === undefined)
      .map(({ id }) => id),
  )
  return accepted.filter(({ key_job_id }) => own.has(key_job_id))
}

// Such a page is read and verified in some tens of milliseconds.
const pageRows = 1_000

/**
 * Reads and verifies all failures of a key job.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`
 */
export async function readFailureSet(db: Database, macs: RowMacs, keyJobId: string): Promise<FailureSet> {
  const hash = createHash('sha256')
  const found = { open: 0, accepted: 0 }
  let after: CipherkeyPosition | undefined
  for (;;) {
    const rows = await readPage(db, keyJobId, after)
    for (const row of rows) {
      const verified = macs.verify('keyJobFailure', row)
      hash.update(encodeRow('keyJobFailure', digestColumns, verified))
      if (acceptanceIn(verified) === undefined) found.open += 1
      else found.accepted += 1
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return { ...found, digest: hash.digest() }
    after = { dataKeyId: last.data_key_id, version: last.version }
  }
}

const digestColumns: readonly (readonly [string, RowColumnType])[] = [
  ['accepted_at', 'time'],
  ['accepted_by', 'text'],
  ['code', 'text'],
  ['data_key_id', 'uuid'],
  ['tenant_key_version', 'integer'],
  ['version', 'integer'],
]

async function readPage(
  db: Database,
  keyJobId: string,
  after: CipherkeyPosition | undefined,
): Promise<StoredFailure[]> {
  const begin =
    after === undefined
      ? sql``
      : sql`and (f.data_key_id, f.version) > (${after.dataKeyId}::uuid, ${after.version}::integer)`
  const { rows } = await sql<StoredFailure>`
    select ${failureColumns} from keyhold.key_job_failures f where f.key_job_id = ${keyJobId} ${begin}
    order by f.data_key_id, f.version limit ${pageRows}`.execute(db)
  return rows
}
