// Statements of the paths on which requests wait. Their text is made once, each connection parses it once, and PostgreSQL may
// keep its plan: for a statement that looks up a few rows of a tenant, that is most of the work. None of them reads cipherkeys:
// a plan that is kept locks all partitions, and so waits for whoever has locked any of them.
import { CompiledQuery, type RawBuilder } from 'kysely'
import { nameStatement } from './connections/named-statements.ts'
import type { Database } from './database.ts'

export type PreparedStatement<Values extends unknown[], Row> = (
  db: Database,
  ...values: Values
) => Promise<Row[]>

/**
 * PostgreSQL keeps the plan if it expects one that fits all values to cost no more than one for these values.
 *
 * @param build - puts each value into the statement and does nothing else with it: it runs once, and what it gets are not the
 * values. The columns of the answer have names: a schema migration that adds one to `*` would end every connection's plan
 */
export function prepareStatement<Values extends unknown[], Row>(
  build: (...values: Values) => RawBuilder<unknown>,
): PreparedStatement<Values, Row> {
  return prepareQuery((_, ...values) => build(...values))
}

/**
 * `prepareStatement` for a statement that the query builder makes.
 *
 * @param build - as for `prepareStatement`
 */
export function prepareQuery<Values extends unknown[], Row>(
  build: (db: Database, ...values: Values) => { compile(db: Database): CompiledQuery },
): PreparedStatement<Values, Row> {
  let made: { text: string; places: Place[] } | undefined

  function make(db: Database, count: number): { text: string; places: Place[] } {
    const values = Array.from({ length: count }, (_, index) => new Place(index))
    const { sql: text, parameters } = build(db, ...(values as unknown as Values)).compile(db)
    const places = parameters.map((parameter) => {
      if (parameter instanceof Place) return parameter
      throw new TypeError('a value of a prepared statement is part of its text')
    })
    nameStatement(text)
    return { text, places }
  }

  return async (db, ...values) => {
    const { text, places } = (made ??= make(db, values.length))
    const parameters = places.map(({ index }) => values[index])
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, parameters))
    return rows
  }
}

/** Stands for a value while the text is made. */
class Place {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
}
