// The row of a destruction: what of it is read and signed, and what it says.
import { KeyholdError } from '@keyhold/core'
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import { jsonDigest } from '../authentic/json-digest.ts'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import type { CipherkeyPosition } from '../cipherkeys/cipherkey-position.ts'
import { count, jsonReader, listOf, members, text, type JsonColumn } from '../json-column.ts'
import type { DestructionKind } from '../tables.ts'

/** A cipherkey, and the tenant key version that wraps it. */
export interface WrappedPosition extends CipherkeyPosition {
  tenantKeyVersion: number
}

export interface DestructionRow {
  id: string
  tenantId: string
  kind: DestructionKind
  /** The name of a data key; undefined for a tenant. */
  keyName: string | undefined
  dataKeyId: string | undefined
  /** The API key that scheduled it, by its id. */
  scheduledBy: string
  scheduledAt: Date
  dueAt: Date
  cancelledBy: string | undefined
  cancelledAt: Date | undefined
  destroyedAt: Date | undefined
  /** Of single cipherkeys. */
  cipherkeys: JsonColumn<WrappedPosition[]> | undefined
  /** When the deletion of a tenant began, from which there is no way back. */
  begunAt: Date | undefined
}

/** The columns that the MAC covers, and the cipherkeys, which it covers by their digest. */
export type StoredDestruction = StoredRow<'destruction'> & { cipherkeys: unknown }

export const destructionColumns = [...columnsOfKind('destruction'), 'cipherkeys' as const]

export const isOpen = (row: Pick<StoredDestruction, 'cancelled_at' | 'destroyed_at'>): boolean =>
  row.cancelled_at === null && row.destroyed_at === null

/** The digest of the cipherkeys that a destruction names, in their order. */
export function namedCipherkeysDigest(cipherkeys: readonly WrappedPosition[]): Buffer {
  return jsonDigest(
    'destructions.cipherkeys',
    cipherkeys.map(({ dataKeyId, version, tenantKeyVersion }) => ({ dataKeyId, version, tenantKeyVersion })),
  )
}

export const readCipherkeys = jsonReader<WrappedPosition[]>(
  'destructions.cipherkeys',
  listOf(members({ dataKeyId: text, version: count, tenantKeyVersion: count })),
  'ERR_INTERNAL',
)

/** Reads a row that was verified. */
export function fromRow(
  macs: Pick<RowMacs, 'requiresMacs'>,
  row: Authentic<StoredDestruction>,
): DestructionRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    keyName: row.key_name ?? undefined,
    dataKeyId: row.data_key_id ?? undefined,
    scheduledBy: row.scheduled_by,
    scheduledAt: row.scheduled_at,
    dueAt: row.due_at,
    cancelledBy: row.cancelled_by ?? undefined,
    cancelledAt: row.cancelled_at ?? undefined,
    destroyedAt: row.destroyed_at ?? undefined,
    begunAt: row.begun_at ?? undefined,
    cipherkeys: cipherkeysIn(macs, row),
  }
}

function cipherkeysIn(
  macs: Pick<RowMacs, 'requiresMacs'>,
  row: StoredDestruction,
): DestructionRow['cipherkeys'] {
  const read = readCipherkeys(row.cipherkeys, row.id)
  if (read === undefined || 'error' in read || !macs.requiresMacs()) return read
  if (row.cipherkeys_digest?.equals(namedCipherkeysDigest(read.value)) === true) return read
  const message = `The cipherkeys that the destruction ${row.id} names are not those that were named.`
  return { error: new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', { message }) }
}
