// Gives another database role what a server needs, and no more: it may change rows, but no table.
import { KeyholdError } from '@keyhold/core'
import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../../store/database.ts'

const schemas = ['keyhold', 'keyhold_jobs'] as const

/**
 * Looks at the role before anything is changed.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` when it owns the tables, or will: what is taken from other roles must not be taken
 * from it
 */
export async function checkServeRole(db: Database, role: string): Promise<void> {
  const { rows } = await sql<{ isOwner: boolean }>`
    select r.rolname = current_user or exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relowner = r.oid and n.nspname in (${sql.join([...schemas])})
    ) as "isOwner" from pg_roles r where r.rolname = ${role}`.execute(db)
  if (rows[0]?.isOwner === true)
    throw refused(
      `The role ${JSON.stringify(role)} owns the tables or changes the schema: --serve-role names another one, which only serves. Leave the option out if one role does everything.`,
    )
}

/** Also for what later migrations make. */
export async function grantServing(db: Database, role: string): Promise<void> {
  const to = sql.id(role)
  await db.transaction().execute(async (transaction) => {
    const run = (statement: RawBuilder<unknown>) => statement.execute(transaction)
    for (const schema of schemas) {
      const of = sql.id(schema)
      await run(sql`grant usage on schema ${of} to ${to}`)
      await run(sql`grant select, insert, update, delete on all tables in schema ${of} to ${to}`)
      await run(sql`grant usage, select on all sequences in schema ${of} to ${to}`)
      await run(sql`grant execute on all functions in schema ${of} to ${to}`)
      await run(
        sql`alter default privileges in schema ${of} grant select, insert, update, delete on tables to ${to}`,
      )
      await run(sql`alter default privileges in schema ${of} grant usage, select on sequences to ${to}`)
    }
    // Who could write there could keep every replica from starting.
    await run(sql`revoke insert, update, delete on keyhold.schema_migrations from ${to}`)
  })
}

function refused(message: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', { message })
}
