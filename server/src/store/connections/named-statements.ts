// Statements that are sent under a name: a connection parses one once, and then gets the name and the values alone.
import type { PostgresPoolClient } from 'kysely'
import { createHash } from 'node:crypto'
import pg from 'pg'
import { PinnedClient } from '../../driver/pinned-client.ts'

const names = new Map<string, string>()

/**
 * From now on every connection of a pool sends this text under a name. Texts are never forgotten, here and in PostgreSQL: do
 * not name one that is made of values.
 */
export function nameStatement(text: string): void {
  if (!names.has(text)) names.set(text, nameOf(text))
}

/**
 * By the text alone: behind a pooler a connection of another replica, perhaps of another version, may have parsed a statement of
 * this name, and it must be the same one. PostgreSQL takes 63 bytes.
 */
export function nameOf(text: string): string {
  return `keyhold_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
}

// PostgreSQL says so of a statement whose answer would have other types than when it was parsed: a table is another one.
const featureNotSupported = '0A000'

/**
 * A connection of the pool that does so. One that has parsed a statement for tables which are gone is not used again, nor is
 * one to a server that takes no changes.
 */
export function withNames(client: pg.PoolClient): PostgresPoolClient {
  let isOutdated = false

  async function query(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const name = names.get(text)
    if (name === undefined) return client.query(text, [...values])
    try {
      return await client.query({ name, text, values: [...values] })
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === featureNotSupported) isOutdated = true
      throw error
    }
  }

  return {
    query: query as unknown as PostgresPoolClient['query'],
    release(destroy = false) {
      client.release(destroy || isOutdated || (client instanceof PinnedClient && client.isSpent))
    },
  }
}
