// Reads the changes that nobody has told this replica of. It goes by the ids of transactions, not by the ids of rows:
// transactions commit in another order than they take numbers, so that a row may appear below one that was read before.
// All transactions below the xmin of a snapshot have ended before it, and so what they wrote has been read.
import type pg from 'pg'
import { keptChangesSeconds } from './change-queries.ts'

/** A row, or its notification. */
export interface StoredChange {
  id: number
  origin: string
  content: unknown
}

export interface ChangeReader {
  /** A notification has told of this row. Answers whether it is new. */
  isNew(change: StoredChange): boolean
  /**
   * Reads the rows that are new, and changes nothing: the answer may come too late to be heard.
   *
   * @param channel - gets a notification, which shows whether notifications arrive
   */
  read(client: Pick<pg.Client, 'query'>, channel: string): Promise<Reading>
  /** Answers the changes that are to be told. Undefined: rows may be gone that nobody has told of. */
  accept(reading: Reading): StoredChange[] | undefined
}

/** The changes that one reading saw, and how far it went. */
export interface Reading {
  /** All transactions below it had ended. */
  horizon: string
  /** No transaction from it on had begun. */
  end: string
  at_ms: number
  changes: (StoredChange & { xid: string })[]
}

interface Position {
  /** Transactions below it have been read. */
  xid: bigint
  /** By the clock of the database. */
  atMs: number
}

const maxChanges = 10_000
// Transactions that write a change end within this time; and clocks of databases may step a little.
const marginMs = 120_000
const maxRemembered = 100_000

/** @param isFirst - whether nothing that is held can be older than the first reading */
export function createChangeReader(
  isFirst: () => boolean,
  keptMs = keptChangesSeconds * 1_000 - marginMs,
): ChangeReader {
  let position: Position | undefined
  // With their contents: a forged notification of a row to come must not hide what that row says.
  const told = new Set<string>()
  const markOf = ({ id, origin, content }: StoredChange) => JSON.stringify([id, origin, content])

  function isNew(change: StoredChange): boolean {
    const mark = markOf(change)
    if (told.has(mark)) return false
    if (told.size >= maxRemembered) told.clear()
    told.add(mark)
    return true
  }

  function isPassed(from: Position | undefined, { end, at_ms: atMs, changes }: Reading): boolean {
    if (from === undefined) return !isFirst()
    // A database whose transactions have smaller numbers is another one, such as one that was restored.
    return atMs - from.atMs > keptMs || BigInt(end) < from.xid || changes.length > maxChanges
  }

  return {
    isNew,
    async read(client, channel) {
      const from = position === undefined ? null : String(position.xid)
      // One statement, and so one snapshot, answers the rows and how far they go.
      const { rows } = await client.query<Reading>(
        `select pg_notify($2, ''), pg_snapshot_xmin(s)::text as horizon, pg_snapshot_xmax(s)::text as end,
           extract(epoch from clock_timestamp())::float8 * 1000 as at_ms,
           (select coalesce(json_agg(json_build_object(
                'id', c.id, 'xid', c.xid::text, 'origin', c.origin, 'content', c.content) order by c.id), '[]')
            from (
              select * from keyhold.changes where xid >= coalesce($1::xid8, pg_snapshot_xmin(s))
              order by id limit $3
            ) c) as changes
         from pg_current_snapshot() s`,
        [from, channel, maxChanges + 1],
      )
      const [reading] = rows
      if (reading === undefined) throw new TypeError('a select without a row')
      return reading
    },
    accept(reading) {
      const from = position
      const xid = BigInt(reading.horizon)
      position = { xid, atMs: reading.at_ms }
      const fresh = reading.changes.filter(isNew)
      // These cannot be read again.
      for (const change of reading.changes) if (BigInt(change.xid) < xid) told.delete(markOf(change))
      if (isPassed(from, reading)) return undefined
      // Whatever the first reading sees was there before anything was held.
      return from === undefined ? [] : fresh
    },
  }
}
