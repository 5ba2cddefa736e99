// Looks through all cipherkeys of a tenant, outside every transaction of the caller: never under the fence. They go page
// by page along the primary key, so that no statement takes longer the more cipherkeys there are. A statement over all of
// them would meet the time limit of statements from some 20 million on, and its snapshot would keep vacuum from the rows
// that a key job leaves behind.
import { sql, type RawBuilder } from 'kysely'
import type { RowMacs } from '../authentic/row-macs.ts'
import type { CipherkeyPosition } from './cipherkeys.ts'
import { readInOrder } from './read-in-order.ts'
import { slowly } from '../connections/connection-user.ts'
import type { Database } from '../database.ts'
import { failureColumns, onlyAcceptances, type StoredFailure } from '../key-jobs/signed-failures.ts'

/** A survey that may end before its last page. */
export interface InTime<Found> {
  found: Found
  /** False: the time was over before all cipherkeys were seen. */
  isWhole: boolean
}

/** The cipherkeys that one tenant key version wraps. */
export interface CountedVersion {
  cipherkeys: number
  /** Those of them that were accepted as unreadable under it, in any key job. */
  leftBehind: number
}

export interface CipherkeySurveys {
  count(tenantId: string): Promise<number>

  /** @param maxMs - no page begins after this time */
  countInTime(tenantId: string, maxMs: number): Promise<InTime<number>>

  /**
   * Counts by the tenant key version that wraps them. Each cipherkey is counted once, as it was when its page was read.
   *
   * @param maxMs - no page begins after this time
   */
  countByVersion(tenantId: string, maxMs: number): Promise<InTime<ReadonlyMap<number, CountedVersion>>>

  /** Which of these tenant key versions wrap any cipherkey. */
  findNeeded(tenantId: string, versions: readonly number[]): Promise<number[]>

  /**
   * Which of these versions wrap any cipherkey that was not accepted as unreadable under it, in any key job.
   *
   * @param maxMs - no page begins after this time. Then all that are not known to be without such a cipherkey are answered.
   */
  findUnaccepted(tenantId: string, versions: readonly number[], maxMs: number): Promise<number[]>

  /**
   * The cipherkeys of a tenant that another version than that of a key job wraps.
   *
   * @param excuse - what excuses a cipherkey: that the key job has set it aside; that it was accepted, too; or that it was
   * accepted under the version that wraps it now, in any key job
   */
  findStale(tenantId: string, keyJobId: string, version: number, excuse: Excuse): Promise<StaleCipherkeys>
}

type Excuse = 'set-aside' | 'accepted' | 'accepted-in-any'

export interface StaleCipherkeys {
  /** Whether one of them is not excused. Then the look ended there. */
  isStale: boolean
  /** The versions that wrap them, in any order. */
  versions: number[]
}

// From a cold disk such a page takes a second or more, and from memory a few milliseconds.
const pageRows = 10_000

/** The acceptances of a cipherkey `c` under the version that wraps it now, in any key job. */
const acceptancesOf = (tenantId: string) => sql`
  select from keyhold.key_jobs j join keyhold.key_job_failures f on f.key_job_id = j.id
  where j.tenant_id = ${tenantId} and f.accepted_at is not null and f.data_key_id = c.data_key_id
    and f.version = c.version and f.tenant_key_version = c.tenant_key_version`

export function cipherkeySurveys(db: Database, macs: RowMacs): CipherkeySurveys {
  /** Visits the pages until one answers true. Answers false when the time was over first. */
  async function visit(
    tenantId: string,
    look: (page: Database, rows: RawBuilder<unknown>, place: Stretch) => Promise<boolean>,
    maxMs = Number.POSITIVE_INFINITY,
  ): Promise<boolean> {
    const endMs = performance.now() + maxMs
    let after: CipherkeyPosition | undefined
    for (;;) {
      if (performance.now() >= endMs) return false
      const begin = after === undefined ? sql`` : sql`and (data_key_id, version) > ${place(after)}`
      const page = await slowly(() =>
        db.transaction().execute(async (transaction) => {
          await readInOrder(transaction)
          const { rows } = await sql<CipherkeyPosition>`
          select data_key_id as "dataKeyId", version from keyhold.cipherkeys
          where tenant_id = ${tenantId} ${begin}
          order by data_key_id, version offset ${pageRows - 1} limit 1`.execute(transaction)
          const [last] = rows
          const end = last === undefined ? sql`` : sql`and (data_key_id, version) <= ${place(last)}`
          const isOver = await look(
            transaction,
            sql`keyhold.cipherkeys c where tenant_id = ${tenantId} ${begin} ${end}`,
            { after, last },
          )
          return { last, isOver }
        }),
      )
      if (page.isOver || page.last === undefined) return true
      after = page.last
    }
  }

  async function findUnder(
    tenantId: string,
    versions: readonly number[],
    which: RawBuilder<unknown>,
    maxMs?: number,
  ): Promise<number[]> {
    const left = new Set(versions)
    if (left.size === 0) return []
    const isDecided = await visit(
      tenantId,
      async (page, rows) => {
        const found = await sql<{ version: number }>`
        select distinct tenant_key_version as version from ${rows}
          and tenant_key_version = any(${[...left]}::integer[]) ${which}`.execute(page)
        for (const { version } of found.rows) left.delete(version)
        return left.size === 0
      },
      maxMs,
    )
    return isDecided ? versions.filter((version) => !left.has(version)) : [...versions]
  }

  async function countInTime(tenantId: string, maxMs?: number): Promise<InTime<number>> {
    let found = 0
    const isWhole = await visit(
      tenantId,
      async (page, rows, { last }) => {
        found += last === undefined ? await countRows(page, rows) : pageRows
        return false
      },
      maxMs,
    )
    return { found, isWhole }
  }

  return {
    count: async (tenantId) => (await countInTime(tenantId)).found,
    countInTime,

    async countByVersion(tenantId, maxMs) {
      const found = new Map<number, CountedVersion>()
      const isWhole = await visit(
        tenantId,
        async (page, rows, stretch) => {
          for (const { version, ...counted } of await countPage(page, tenantId, rows, stretch)) {
            const before = found.get(version) ?? { cipherkeys: 0, leftBehind: 0 }
            found.set(version, {
              cipherkeys: before.cipherkeys + counted.cipherkeys,
              leftBehind: before.leftBehind + counted.leftBehind,
            })
          }
          return false
        },
        maxMs,
      )
      return { found, isWhole }
    },

    findNeeded: (tenantId, versions) => findUnder(tenantId, versions, sql``),

    findUnaccepted: (tenantId, versions, maxMs) =>
      findUnder(tenantId, versions, sql`and not exists (${acceptancesOf(tenantId)})`, maxMs),

    async findStale(tenantId, keyJobId, version, excuse) {
      const accepted = excuse === 'set-aside' ? sql`` : sql`and f.accepted_at is not null`
      const excuses =
        excuse === 'accepted-in-any'
          ? sql`from keyhold.key_jobs j join keyhold.key_job_failures f on f.key_job_id = j.id
              where j.tenant_id = ${tenantId} and f.data_key_id = c.data_key_id and f.version = c.version
                and f.tenant_key_version = c.tenant_key_version ${accepted}`
          : sql`from keyhold.key_job_failures f
              where f.key_job_id = ${keyJobId} and f.data_key_id = c.data_key_id and f.version = c.version ${accepted}`
      const versions = new Set<number>()
      let isStale = false
      await visit(tenantId, async (page, rows) => {
        // A row without any excuse ends the look at once. An excuse counts only as Keyhold wrote it.
        const found = await sql<{ version: number; isStale: boolean; count: number }>`
          select tenant_key_version as version, bool_or(not exists (select ${excuses})) as "isStale", count(*) as count
          from ${rows} and tenant_key_version <> ${version} group by 1`.execute(page)
        for (const each of found.rows) {
          versions.add(each.version)
          isStale ||= each.isStale
        }
        if (isStale || found.rows.length === 0 || excuse === 'set-aside') return isStale
        const excused = await sql<StoredFailure>`
          select ${failureColumns} from (select * from ${rows} and tenant_key_version <> ${version}) c
          cross join lateral (select f.* ${excuses} order by f.accepted_at limit 1) f`.execute(page)
        const held = await onlyAcceptances(page, macs, tenantId, excused.rows)
        isStale = held.length < found.rows.reduce((sum, { count }) => sum + count, 0)
        return isStale
      })
      return { isStale, versions: [...versions] }
    },
  }
}

/** The cipherkeys behind `after`, up to `last`; undefined: from the first, to the last one. */
interface Stretch {
  after: CipherkeyPosition | undefined
  last: CipherkeyPosition | undefined
}

/** Acceptances are read by the same stretch of their own primary key, once for each key job of the tenant. */
async function countPage(
  page: Database,
  tenantId: string,
  rows: RawBuilder<unknown>,
  { after, last }: Stretch,
): Promise<({ version: number } & CountedVersion)[]> {
  const begin = after === undefined ? sql`` : sql`and (f.data_key_id, f.version) > ${place(after)}`
  const end = last === undefined ? sql`` : sql`and (f.data_key_id, f.version) <= ${place(last)}`
  const counted = await sql<{ version: number } & CountedVersion>`
    with seen as materialized (select data_key_id, version, tenant_key_version from ${rows}),
    accepted as materialized (
      select distinct f.data_key_id, f.version, f.tenant_key_version
      from keyhold.key_jobs j join keyhold.key_job_failures f on f.key_job_id = j.id
      where j.tenant_id = ${tenantId} and f.accepted_at is not null ${begin} ${end}
    )
    select tenant_key_version as version, count(*) as cipherkeys, count(a.version) as "leftBehind"
    from seen left join accepted a using (data_key_id, version, tenant_key_version)
    group by tenant_key_version`.execute(page)
  return counted.rows
}

async function countRows(page: Database, rows: RawBuilder<unknown>): Promise<number> {
  const counted = await sql<{ count: number }>`select count(*) as count from ${rows}`.execute(page)
  return counted.rows[0]?.count ?? 0
}

function place({ dataKeyId, version }: CipherkeyPosition) {
  return sql`(${dataKeyId}::uuid, ${version}::integer)`
}
