// The place of a row in a list by the time of creation, exact to the microsecond in which PostgreSQL keeps it. It stays
// valid when the row is deleted, so that the next page begins where the last one ended.
import { sql } from 'kysely'

export interface ListPosition {
  /** Microseconds since 1970. */
  createdMicros: number
  id: string
}

/** A page of a list by the time of creation. */
export interface ListPage {
  after?: ListPosition | undefined
  limit: number
}

// A time that Keyhold never writes: a list goes on behind it. It is in the year 2255.
const endless = Number.MAX_SAFE_INTEGER

export const createdMicros = microsOf('created_at')

/** @param column - of the time of creation, where several tables have one */
export function microsOf(column: string) {
  const at = sql.ref(column)
  return sql<number>`case when isfinite(${at})
    then least(greatest(extract(epoch from ${at}) * 1000000, 0), ${endless}::bigint)::bigint
    when ${at} > 'epoch' then ${endless}::bigint else 0 end`.as('created_micros')
}

/**
 * For the condition on a page: whether a row comes after the position.
 *
 * @param table - where several tables have such columns
 */
export function isAfter({ createdMicros: micros, id }: ListPosition, table?: string) {
  const [atColumn, idColumn] = ['created_at', 'id'].map((name) =>
    sql.ref(table === undefined ? name : `${table}.${name}`),
  )
  const at =
    micros === endless
      ? sql`timestamptz 'infinity'`
      : sql`timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`
  return sql<boolean>`(${atColumn}, ${idColumn}) > (${at}, ${id}::text)`
}
