// Changes a row that the manifest covers: the new row is made in code of one that was verified, and signed as a whole.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { ManifestKind } from '../authentic/manifest.ts'
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import { steeringKinds, type SignedRow, type StoredRow } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import type { HeldFence } from './held-fence.ts'
import { refuseUnlisted } from './verify-listed.ts'

/**
 * The caller has locked the row.
 *
 * @param key - as in the manifest
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when the row is no longer as it was read
 */
export async function rewriteRow<Kind extends ManifestKind>(
  db: Database,
  { macs, held }: { macs: RowMacs; held: HeldFence },
  kind: Kind,
  key: string | number,
  row: Authentic<StoredRow<Kind>>,
  changes: Partial<SignedRow<Kind>>,
): Promise<void> {
  const { table, key: primaryKey } = steeringKinds[kind]
  refuseUnlisted({ macs, held }, kind, key, row)
  const mac = macs.sign(kind, { ...row, ...changes })
  const before = row as Readonly<Record<string, unknown>>
  const settings = Object.entries({ ...changes, mac }).map(
    ([column, value]) => sql`${sql.ref(column)} = ${value}`,
  )
  const matches = primaryKey.map((column) => sql`${sql.ref(column)} = ${before[column]}`)
  const { rows } = await sql`
    update ${sql.table(`keyhold.${table}`)} set ${sql.join(settings)}
    where ${sql.join(matches, sql` and `)} and mac is not distinct from ${before.mac}
    returning 1`.execute(db)
  if (rows.length !== 1) {
    throw new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
      message: `A row of ${table} changed while it was locked: ${String(key)}.`,
      details: { table, key: String(key) },
    })
  }
  held.manifest.set(kind, key, mac)
}

/** @throws TypeError when the transaction does not hold the tenant's fence alone: a mistake of the program */
export function heldOf(held: HeldFence | undefined, tenantId: string): HeldFence {
  if (held?.tenantId === tenantId) return held
  throw new TypeError(`the fence of tenant ${tenantId} is not held alone`)
}
