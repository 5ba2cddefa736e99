// The rows that steer, as rows of any kind: for who looks through all of them, and for the two who may sign what has no right
// MAC: the adoption of an older installation, and an operator who accepts a row.
import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../database.ts'
import { readAnchors } from '../fence/anchors.ts'
import type { FenceRow } from '../fence/fence-row.ts'
import { signFence } from './resign-tenant.ts'
import type { RowFault, RowMacs } from './row-macs.ts'
import { columnsOfKind, steeringKinds, type SteeringKind, type StoredRow } from './steering-kinds.ts'

export interface SteeringRow {
  kind: SteeringKind
  /** The values of its primary key, as PostgreSQL writes them. */
  key: readonly string[]
  /** Undefined: it concerns the installation. */
  tenantId: string | undefined
  values: Readonly<Record<string, unknown>>
  /** Outdated: its MAC is made under a root key that is not in the ring. Undefined: it is as Keyhold wrote it. */
  fault: RowFault | 'outdated' | undefined
}

/** Whether signing it as it is would mend the row. */
export function canBeSigned({ fault }: SteeringRow): boolean {
  return fault !== undefined && fault !== 'outdated'
}

/** Their rows concern the installation alone. */
const ofInstallation: ReadonlySet<SteeringKind> = new Set([
  'installation',
  'formerSigningKey',
  'issuerKey',
  'brand',
])
/** The tenant that a row of the kind concerns. Default: what its column `tenant_id` says. */
const tenantOf: Partial<Record<SteeringKind, RawBuilder<string | null>>> = {
  fence: sql`id`,
  keyJobFailure: sql`(select j.tenant_id from keyhold.key_jobs j where j.id = key_job_id)`,
  audit: sql`nullif(chain, '')`,
  auditHead: sql`nullif(chain, '')`,
}
/** Its rows of one tenant, in a form for which there is an index. Default: those whose column `tenant_id` names it. */
const rowsOfTenant: Partial<Record<SteeringKind, (tenantId: string) => RawBuilder<unknown>>> = {
  fence: (tenantId) => sql`id = ${tenantId}`,
  keyJobFailure: (tenantId) =>
    sql`key_job_id in (select j.id from keyhold.key_jobs j where j.tenant_id = ${tenantId})`,
  // The chain of the installation has an empty name, which is no tenant's.
  audit: (tenantId) => sql`chain = ${tenantId}`,
  auditHead: (tenantId) => sql`chain = ${tenantId}`,
}
/** Replicas remember the highest generation that they have seen of these. */
const hasOwnGeneration: ReadonlySet<SteeringKind> = new Set(['fence', 'guard', 'installation'])
const leapGenerations = 2 ** 20
const tenantColumn = sql<string | null>`tenant_id`

export function steeringRowQueries(db: Database, macs: RowMacs) {
  async function read(kind: SteeringKind, rest: RawBuilder<unknown>): Promise<SteeringRow[]> {
    const { table, key } = steeringKinds[kind]
    const texts = sql.join(key.map((column) => sql`${sql.ref(column)}::text`))
    const { rows } = await sql<StoredRow<SteeringKind> & { row_key: string[]; row_tenant: string | null }>`
      select ${sql.join(columnsOfKind(kind).map((column) => sql.ref(column)))},
        array[${texts}] as row_key, ${tenantOfKind(kind)} as row_tenant
      from ${sql.table(`keyhold.${table}`)} ${rest}`.execute(db)
    const found = rows.map(({ row_key: rowKey, row_tenant: tenantId, ...values }) => ({
      kind,
      key: rowKey,
      tenantId: tenantId ?? undefined,
      values,
      fault: macs.inspect(kind, values as unknown as StoredRow<typeof kind>),
    }))
    return kind === 'fence' ? Promise.all(found.map(withAnchors)) : found
  }

  /** A fence also states what other rows must agree with. */
  async function withAnchors(fence: SteeringRow): Promise<SteeringRow> {
    const row = fence.values as unknown as FenceRow
    // A tenant that ends has no keys, and nothing follows from its rows.
    if (row.ending_at !== null) return fence
    const anchors = await readAnchors(db, row)
    const agrees =
      row.active_tenant_key_id === anchors.active_tenant_key_id &&
      row.current_fingerprint === anchors.current_fingerprint &&
      row.live_job_id === anchors.live_job_id &&
      row.manifest !== null &&
      anchors.manifest?.equals(row.manifest) === true
    return {
      ...fence,
      values: { ...row, ...anchors },
      fault: fence.fault ?? (agrees ? undefined : 'incomplete'),
    }
  }

  /** Signs a row that `read` has locked. */
  async function sign({ kind, key, values }: SteeringRow): Promise<void> {
    if (kind === 'fence') {
      await signFence(db, macs, values as unknown as FenceRow)
      return
    }
    const { table, mac } = steeringKinds[kind]
    await sql`update ${sql.table(`keyhold.${table}`)}
      set ${sql.ref(mac)} = ${macs.sign(kind, values)}
      where ${isKey(kind, key)}`.execute(db)
  }

  /** A replica that has seen a newer row refuses this one, so that it has to be newer than any. */
  async function leap(row: SteeringRow): Promise<SteeringRow> {
    if (!hasOwnGeneration.has(row.kind)) return row
    const generation = Number(row.values.generation) + leapGenerations
    await sql`update ${sql.table(`keyhold.${steeringKinds[row.kind].table}`)} set generation = ${generation}
      where ${isKey(row.kind, row.key)}`.execute(db)
    return { ...row, values: { ...row.values, generation } }
  }

  return {
    /** Tells rows of different content apart. Of a fence, its manifest and its generation are none of it. */
    digestOf({ kind, values }: SteeringRow): string {
      const content = kind === 'fence' ? { ...values, manifest: null, generation: 0 } : values
      try {
        return macs.sign(kind, content).toString('base64')
      } catch (error) {
        // A value that no row of Keyhold's has, such as an infinite time. The row is faulty, and is to be shown.
        if (!(error instanceof TypeError)) throw error
        return JSON.stringify(content)
      }
    },

    /**
     * One page in the order of the primary key. In a snapshot, since a fence is compared with other rows. `after` is the key of the
     * last row that was seen.
     */
    list(kind: SteeringKind, after: readonly string[] | undefined, limit: number): Promise<SteeringRow[]> {
      const key = keyColumns(kind)
      const from = after === undefined ? sql`` : sql`where (${key}) > (${sql.join(after)})`
      return read(kind, sql`${from} order by ${key} limit ${limit}`)
    },

    /** @param key - the values of its primary key as text */
    async find(kind: SteeringKind, key: readonly string[]): Promise<SteeringRow | undefined> {
      const [row] = await read(kind, sql`where ${isKey(kind, key, 'text')}`)
      return row
    },

    /**
     * Signs the rows of a kind and tenant that have no right MAC, as they are now, and answers how many. Rows under a root key
     * that is not in the ring stay as they are. Only for the adoption.
     *
     * @param tenantId - undefined: those of the installation
     * @param wasSeen - whether an operator has seen the row as it is now; others stay as they are
     */
    async signAll(
      kind: SteeringKind,
      tenantId: string | undefined,
      wasSeen: (row: SteeringRow) => boolean,
    ): Promise<number> {
      const rows = await read(
        kind,
        sql`where ${isOfTenant(kind, tenantId)} order by ${keyColumns(kind)} for update`,
      )
      const faulty = rows.filter((row) => canBeSigned(row) && wasSeen(row))
      for (const row of faulty) await sign(row)
      return faulty.length
    },

    /**
     * Signs one row as it is now. Only for an operator who has seen it. One with a generation of its own gets a much higher one.
     *
     * @param wasSeen - whether an operator has seen the row as it is now
     * @returns whether it was signed
     */
    async signOne(
      kind: SteeringKind,
      key: readonly string[],
      wasSeen: (row: SteeringRow) => boolean,
    ): Promise<boolean> {
      const [row] = await read(kind, sql`where ${isKey(kind, key, 'text')} for update`)
      if (row === undefined || !canBeSigned(row) || !wasSeen(row)) return false
      await sign(await leap(row))
      return true
    },
  }
}

/**
 * By an index. The adoption asks for each tenant and kind, so that a look through the whole table would be one for each tenant.
 *
 * @param tenantId - undefined: rows of the installation
 */
function isOfTenant(kind: SteeringKind, tenantId: string | undefined): RawBuilder<unknown> {
  if (ofInstallation.has(kind)) return tenantId === undefined ? sql`true` : sql`false`
  if (tenantId === undefined) return sql`${tenantOfKind(kind)} is null`
  return rowsOfTenant[kind]?.(tenantId) ?? sql`tenant_id = ${tenantId}`
}

function tenantOfKind(kind: SteeringKind): RawBuilder<string | null> {
  return ofInstallation.has(kind) ? sql`null::text` : (tenantOf[kind] ?? tenantColumn)
}

function keyColumns(kind: SteeringKind): RawBuilder<unknown> {
  return sql.join(steeringKinds[kind].key.map((column) => sql.ref(column)))
}

/** @param as - `text`: what comes from a person need not have the column's form */
function isKey(kind: SteeringKind, values: readonly string[], as?: 'text'): RawBuilder<boolean> {
  const cast = as === 'text' ? sql`::text` : sql``
  const equal = steeringKinds[kind].key.map(
    (column, index) => sql`${sql.ref(column)}${cast} = ${values[index]}`,
  )
  return sql`(${sql.join(equal, sql` and `)})`
}
