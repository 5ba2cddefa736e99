// Statements to the database past Keyhold.
import type { ClientBase } from 'pg'

/** Runs one statement and answers its rows. */
export type Sql = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>

export function sqlOf(client: ClientBase): Sql {
  return async (text, values) => (await client.query<Record<string, unknown>>(text, values)).rows
}
