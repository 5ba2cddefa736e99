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

export const createdMicros = microsOf('created_at')

/** @param column - of the time of creation, where several tables have one */
export function microsOf(column: string) {
  return sql<number>`(extract(epoch from ${sql.ref(column)}) * 1000000)::bigint`.as('created_micros')
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
  return sql<boolean>`(${atColumn}, ${idColumn}) > (timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond', ${id}::text)`
}
