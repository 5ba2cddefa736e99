// The signed rows of a tenant that say what may be done with its data keys: minimum versions, and open destructions. They are
// read in one statement with the tenant's fence, whose manifest tells whether one is missing, put back or added. Rows of
// cipherkeys have no MAC: their states are a copy of the minimum, which decides only until the rows are adopted.
import { KeyholdError } from '@keyhold/core'
import { sql, type RawBuilder } from 'kysely'
import { isRowFault } from '../authentic/row-faults.ts'
import type { Database } from '../database.ts'
import {
  destructionColumns,
  fromRow,
  type DestructionRow,
  type StoredDestruction,
} from '../destructions/destruction-row.ts'
import { columnsAs, readCovered, rowAs, type CoverParts, type Covered } from '../fence/covered-rows.ts'
import type { CipherkeyState } from '../tables.ts'
import type { CipherkeyPosition } from './cipherkey-position.ts'

/** The place of a version, and what its row says of its state. */
export interface StatedVersion {
  data_key_id: string
  version: number
  state: CipherkeyState
}

export interface DataKeyTerms<Row> {
  /** None where there is no such tenant, or its deletion has begun. */
  rows: Row[]
  /** The database's time of the reading. */
  now: Date
  /** Whether a version is below the minimum of its data key, or nobody knows the minimum. */
  isRetired(row: StatedVersion): boolean
  /** Why nobody knows the minimum of the row's data key: its row is faulty, which concerns no other data key. */
  faultOf(row: { data_key_id: string }): KeyholdError | undefined
  /**
   * The minimum of the row's data key; 1: nobody has set it. Undefined until the rows are adopted: their states tell. Throws
   * what `faultOf` answers.
   */
  minimumOf(row: { data_key_id: string }): number | undefined
  /** When the row's data key is to be destroyed with all its versions. */
  destroyAtOf(row: { data_key_id: string }): Date | undefined
  /** How long the cipherkey surely lives after the reading. Below 0 it may be destroyed at any moment. */
  destroyInMsOf(row: { data_key_id: string; version: number; tenant_key_version: number }): number
}

/** The tables of a query for `readWithTerms`: cipherkeys are `c`, their minimum versions `m`. */
export const cipherkeysWithMinimum = sql`keyhold.cipherkeys c left join keyhold.minimum_versions m
  on m.tenant_id = c.tenant_id and m.data_key_id = c.data_key_id`

/**
 * Reads rows of data keys, and what is signed about them.
 *
 * @param columns - of `cipherkeysWithMinimum`; `data_key_id` is among them
 * @param from - what follows `from`, with an order
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when the rows of the tenant are not those of its manifest
 */
export async function readWithTerms<Row extends { data_key_id: string }>(
  db: Database,
  parts: CoverParts,
  tenantId: string,
  { columns, from, order }: Record<'columns' | 'from' | 'order', RawBuilder<unknown>>,
): Promise<DataKeyTerms<Row>> {
  // Not prepared: a plan that is kept locks all partitions, and one that is locked would hold up every tenant.
  const covered = await readCovered<Row & { now: Date }>(
    db,
    parts,
    tenantId,
    sql`select row_number() over (order by ${order}) as place, clock_timestamp() as now, ${columns},
      ${columnsAs('minimumVersion', 'm', 'minimum_')} from ${from}`,
  )
  const [first] = covered.rows
  const isOpen = covered.fence !== undefined
  const destructions =
    isOpen && first !== undefined ? await readOpenDestructions(db, parts, tenantId, covered) : []
  const minimums = new Map<string, number | KeyholdError>()
  for (const row of isOpen ? covered.rows : []) {
    if (!minimums.has(row.data_key_id)) minimums.set(row.data_key_id, minimumOrFault(covered, row))
  }
  const isAdopted = parts.fences.macs.requiresMacs()
  const faultOf = (row: { data_key_id: string }) => {
    const minimum = minimums.get(row.data_key_id)
    return minimum instanceof KeyholdError ? minimum : undefined
  }
  const minimumOf = (row: { data_key_id: string }) => {
    const minimum = minimums.get(row.data_key_id)
    if (minimum instanceof KeyholdError) throw minimum
    return isAdopted ? (minimum ?? 1) : undefined
  }
  const destructionsOf = indexDestructions(destructions)

  return {
    rows: isOpen ? covered.rows : [],
    now: first?.now ?? new Date(0),
    minimumOf,
    faultOf,
    isRetired(row) {
      if (faultOf(row) !== undefined) return true
      const minimum = minimumOf(row)
      return minimum === undefined ? row.state === 'retired' : row.version < minimum
    },
    destroyAtOf: (row) => destructionsOf(row.data_key_id).find(({ kind }) => kind === 'data-key')?.dueAt,
    destroyInMsOf(row) {
      const position = {
        dataKeyId: row.data_key_id,
        version: row.version,
        tenantKeyVersion: row.tenant_key_version,
      }
      const dueMs = destructionsOf(row.data_key_id)
        .filter((destruction) => concerns(destruction, position))
        .map(({ dueAt }) => dueAt.getTime())
      return Math.min(...dueMs) - (first?.now.getTime() ?? 0)
    },
  }
}

function minimumOrFault(covered: Covered<object>, row: { data_key_id: string }): number | KeyholdError {
  try {
    return minimumIn(covered, row)
  } catch (error) {
    if (isRowFault(error)) return error
    throw error
  }
}

function minimumIn(covered: Covered<object>, row: { data_key_id: string }): number {
  const stored = rowAs('minimumVersion', row, 'minimum_')
  if ((stored.data_key_id as string | null) !== null)
    return covered.verify('minimumVersion', row.data_key_id, stored).minimum_version
  if (covered.names('minimumVersion', row.data_key_id)) covered.refuse()
  return 1
}

/** Those of a moment after the reading of `covered`. */
async function readOpenDestructions(
  db: Database,
  parts: CoverParts,
  tenantId: string,
  covered: Covered<unknown>,
): Promise<DestructionRow[]> {
  // Hardly any tenant has one.
  if (covered.keys('destruction').length === 0) return []
  const columns = sql.join(destructionColumns.map((column) => sql.ref(`d.${column}`)))
  const { rows, keys, verify, refuse } = await readCovered<StoredDestruction>(
    db,
    parts,
    tenantId,
    sql`select row_number() over (order by d.id) as place, ${columns} from keyhold.destructions d
      where d.tenant_id = ${tenantId} and d.cancelled_at is null and d.destroyed_at is null`,
  )
  if (rows.length !== keys('destruction').length) refuse()
  return rows.map((row) => fromRow(parts.fences.macs, verify('destruction', row.id, row)))
}

/** Those that may concern a data key: made once for all rows of a list. */
function indexDestructions(all: readonly DestructionRow[]): (dataKeyId: string) => DestructionRow[] {
  const ofAny: DestructionRow[] = []
  const ofOne = new Map<string, DestructionRow[]>()
  for (const each of all) {
    const ids = dataKeysOf(each)
    if (ids === undefined) ofAny.push(each)
    else for (const id of ids) ofOne.set(id, [...(ofOne.get(id) ?? []), each])
  }
  return (dataKeyId) => [...ofAny, ...(ofOne.get(dataKeyId) ?? [])]
}

/** Undefined: it concerns all of the tenant, or nobody knows which. */
function dataKeysOf({ kind, dataKeyId, cipherkeys }: DestructionRow): ReadonlySet<string> | undefined {
  if (kind === 'data-key') return new Set(dataKeyId === undefined ? [] : [dataKeyId])
  if (kind === 'tenant' || cipherkeys === undefined || 'error' in cipherkeys) return undefined
  return new Set(cipherkeys.value.map((named) => named.dataKeyId))
}

function concerns(
  { kind, dataKeyId, cipherkeys }: DestructionRow,
  position: CipherkeyPosition & { tenantKeyVersion: number },
): boolean {
  if (kind === 'tenant') return true
  if (kind === 'data-key') return dataKeyId === position.dataKeyId
  // Nothing is destroyed where the names are damaged; but nobody knows which they were.
  if (cipherkeys === undefined || 'error' in cipherkeys) return true
  return cipherkeys.value.some(
    (named) =>
      named.dataKeyId === position.dataKeyId &&
      named.version === position.version &&
      named.tenantKeyVersion === position.tenantKeyVersion,
  )
}
