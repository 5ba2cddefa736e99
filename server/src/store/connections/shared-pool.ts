// The pool with shares: a connection is taken only when whoever asks has a turn.
import type { PostgresPool } from 'kysely'
import type pg from 'pg'
import { connectionUser } from './connection-user.ts'
import type { ConnectionShares } from './connection-shares.ts'
import { withNames } from './named-statements.ts'

export function sharePool(pool: pg.Pool, shares: ConnectionShares): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),

    async connect() {
      const leave = await shares.enter(connectionUser())
      try {
        const client = await pool.connect()
        // The pool gives the client a new function for every turn.
        const release = client.release.bind(client)
        client.release = (error) => {
          release(error)
          leave()
        }
        return withNames(client)
      } catch (error) {
        leave()
        throw error
      }
    },
  }
}
