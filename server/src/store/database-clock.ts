// The time. Every age, due time and written moment follows the database's clock, which all replicas share: one whose own
// clock is wrong once destroyed a key a month early, and made a new data key for every reading. The database's clock is read
// once in a while, and in between reckoned by a monotonic clock, so that knowing the time costs no query. The replica's own
// clock has one use: nothing ends for ever before its due time has passed on both clocks, and only while they agree.
import { sql, type RawBuilder } from 'kysely'
import type { Database } from './database.ts'

/** A replica destroys nothing while its clock and the database's differ by more than this. */
export const maxSkewMs = 60_000

/** The clocks of this replica, in milliseconds. */
export interface ReplicaClocks {
  /** Since 1970. It may be wrong, and it may jump. */
  wall: () => number
  /** Since any moment. It never goes back and never jumps. */
  monotonic: () => number
}

/** The clocks of this process. */
export const ownClocks: ReplicaClocks = { wall: () => Date.now(), monotonic: () => performance.now() }

export interface DatabaseClock {
  /** The database's time, no further off than `errorMs`. */
  now(): Date
  /** How far `now` may be off, in milliseconds, if the database's clock was not set since it was read. */
  errorMs(): number
  /**
   * The time on this replica's own clock: only to be compared with the database's, which is finer. So it is the end of the
   * present millisecond.
   */
  replicaNow(): Date
  /** By how many milliseconds this replica's clock is ahead of the database's; below 0: behind. */
  skewMs(): number
  /** Whether both clocks surely differ by no more than `maxSkewMs`. */
  agrees(): boolean
  /** Reads the database's clock. */
  refresh(): Promise<void>
}

// Both machines may correct the pace of their clocks by 500 parts in a million.
const driftShare = 0.001

interface Reading {
  /** The database's time minus the monotonic clock. */
  offsetMs: number
  errorMs: number
  atMs: number
}

/** Reads the database's clock for the first time. */
export function openDatabaseClock(db: Database, clocks: ReplicaClocks = ownClocks): Promise<DatabaseClock> {
  return reckonDatabaseClock(async () => {
    const { rows } = await sql<{ now_ms: number }>`
      select extract(epoch from clock_timestamp())::float8 * 1000 as now_ms`.execute(db)
    const [row] = rows
    if (row === undefined) throw new TypeError('the database does not tell the time')
    return row.now_ms
  }, clocks)
}

/** @param readMs - asks the database for its time, in milliseconds since 1970 */
export async function reckonDatabaseClock(
  readMs: () => Promise<number>,
  { wall, monotonic }: ReplicaClocks,
): Promise<DatabaseClock> {
  let reading = await read()

  async function read(): Promise<Reading> {
    const startMs = monotonic()
    const databaseMs = await readMs()
    const endMs = monotonic()
    // The database looked at its clock at some moment in between.
    const halfMs = (endMs - startMs) / 2
    return { offsetMs: databaseMs - startMs - halfMs, errorMs: halfMs, atMs: endMs }
  }

  const errorOf = ({ errorMs, atMs }: Reading) => errorMs + (monotonic() - atMs) * driftShare

  function skewMs(): number {
    return wall() - reading.offsetMs - monotonic()
  }

  return {
    now: () => new Date(Math.round(reading.offsetMs + monotonic())),
    errorMs: () => errorOf(reading),
    replicaNow: () => new Date(wall() + 1),
    skewMs,
    agrees: () => Math.abs(skewMs()) + errorOf(reading) <= maxSkewMs,
    async refresh() {
      const next = await read()
      // A reading that had to wait says less than the last one, unless the two contradict each other: then the database's
      // clock was set.
      const differMs = Math.abs(next.offsetMs - reading.offsetMs)
      const isSet = differMs > next.errorMs + errorOf(reading)
      if (isSet || next.errorMs <= errorOf(reading)) reading = next
    },
  }
}

/**
 * Whether a due time has passed on the database's clock and on this replica's, and both agree within `maxSkewMs`: the
 * condition for everything that ends for ever. PostgreSQL compares the clocks in the statement itself, so that no reading is
 * too old.
 */
export function isDueOnBothClocks(clock: DatabaseClock, dueAt: RawBuilder<unknown>): RawBuilder<boolean> {
  const replicaNow = sql`${clock.replicaNow()}::timestamptz`
  return sql<boolean>`(${dueAt} <= least(now(), ${replicaNow})
    and abs(extract(epoch from clock_timestamp() - ${replicaNow})) * 1000 <= ${maxSkewMs})`
}

/**
 * The same for a due time that was verified: what SQL finds to be due is only a candidate.
 *
 * @param databaseNow - what the database said in this transaction
 */
export function hasPassedOnBothClocks(clock: DatabaseClock, databaseNow: Date, dueAt: Date): boolean {
  const [databaseMs, replicaMs] = [databaseNow.getTime(), clock.replicaNow().getTime()]
  return dueAt.getTime() <= Math.min(databaseMs, replicaMs) && Math.abs(databaseMs - replicaMs) <= maxSkewMs
}

/** The database's time, or this replica's where that is so far ahead that nobody knows which of them is right. */
export function latestOf(clock: DatabaseClock, databaseNow: Date): Date {
  const replicaNow = clock.replicaNow()
  return replicaNow.getTime() - databaseNow.getTime() > maxSkewMs ? replicaNow : databaseNow
}
