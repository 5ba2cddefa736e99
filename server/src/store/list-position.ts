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

export const createdMicros = sql<number>`(extract(epoch from created_at) * 1000000)::bigint`.as(
  'created_micros',
)

/** For the condition on a page: whether a row comes after the position. */
export function isAfter({ createdMicros: micros, id }: ListPosition) {
  return sql<boolean>`(created_at, id) > (timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond', ${id}::text)`
}
