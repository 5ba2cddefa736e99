// Writes rows of destructions: read for the change, verified, signed anew, and told to the manifest of their tenant.
import type { Manifest } from '../authentic/manifest.ts'
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import type { Updateable } from 'kysely'
import type { Database } from '../database.ts'
import type { HeldFence } from '../fence/held-fence.ts'
import { heldOf } from '../fence/rewrite-row.ts'
import type { Tables } from '../tables.ts'
import { destructionColumns, isOpen, type StoredDestruction } from './destruction-row.ts'

interface WriteParts {
  macs: RowMacs
  held: HeldFence | undefined
}

/**
 * Locks a destruction of the tenant that is open; undefined when there is none, or a replica of the version before has it.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when the row is not as Keyhold wrote it last
 */
export async function lockOpen(
  db: Database,
  { macs, held }: WriteParts,
  tenantId: string,
  id: string,
): Promise<Authentic<StoredDestruction> | undefined> {
  const { manifest } = heldOf(held, tenantId)
  const found = await db
    .selectFrom('destructions')
    .select(destructionColumns)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  if (found === undefined) return undefined
  const row = macs.verify('destruction', found)
  if (!isOpen(row)) return undefined
  // It was open once, and ended since.
  if (!isInManifest(manifest, row)) macs.reject('destruction', row, 'older')
  return row
}

/** Whether the manifest of the tenant names this row, as it is. */
export function isInManifest(
  manifest: Pick<Manifest, 'find'>,
  { id, mac }: Pick<StoredDestruction, 'id' | 'mac'>,
): boolean {
  const known = manifest.find('destruction', id)
  return known === null || mac === null ? known === mac : known?.equals(mac) === true
}

type Changes = Partial<
  Pick<StoredDestruction, 'begun_at' | 'cancelled_at' | 'cancelled_by' | 'destroyed_at' | 'cipherkeys_digest'>
>

/** Columns that no MAC covers. */
type Unsigned = Pick<Updateable<Tables['destructions']>, 'jws' | 'progress' | 'described' | 'claimed_until'>

/** Writes changes of a row that the transaction has locked, and answers it as it is then. */
export async function writeDestruction(
  db: Database,
  { macs, held }: WriteParts,
  row: Authentic<StoredDestruction>,
  changes: Changes,
  unsigned: Unsigned = {},
): Promise<Authentic<StoredDestruction>> {
  const { manifest } = heldOf(held, row.tenant_id)
  const next = { ...row, ...changes }
  const mac = macs.sign('destruction', next)
  await db
    .updateTable('destructions')
    .set({ ...changes, ...unsigned, mac })
    .where('id', '=', row.id)
    .where('mac', 'is not distinct from', row.mac)
    // Without "returning", an update of no row at all would count as a result.
    .returning('id')
    .executeTakeFirstOrThrow()
  if (isOpen(next)) manifest.set('destruction', row.id, mac)
  else manifest.delete('destruction', row.id)
  return { ...next, mac }
}
