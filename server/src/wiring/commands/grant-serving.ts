// Gives another database role what a server needs, and no more: it may change rows, but no table.
import { KeyholdError } from '@keyhold/core'
import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../../store/database.ts'
import { isMissingRight } from '../../store/schema/migrate-schema.ts'

const schemas = ['keyhold', 'keyhold_jobs'] as const

/**
 * Looks at the role before anything is changed.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` when there is no such role, or when it owns the tables, or will: what is taken from other roles must not be taken
 * from it
 */
export async function checkServeRole(db: Database, role: string): Promise<void> {
  const { rows } = await sql<{ isOwner: boolean }>`
    select r.rolname = current_user or exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relowner = r.oid and n.nspname in (${sql.join([...schemas])})
    ) as "isOwner" from pg_roles r where r.rolname = ${role}`.execute(db)
  const [found] = rows
  if (found === undefined)
    throw refused(
      `The database server has no role ${JSON.stringify(role)}, which --serve-role names: write it as in "create role", or make it first.`,
    )
  if (found.isOwner)
    throw refused(
      `The role ${JSON.stringify(role)} owns the tables or changes the schema: --serve-role names another one, which only serves. Leave the option out if one role does everything.`,
    )
}

/**
 * Also for what later migrations make.
 *
 * @throws KeyholdError `ERR_SCHEMA_OLDER` when the database role of this process may not
 */
export async function grantServing(db: Database, role: string): Promise<void> {
  try {
    await grantAll(db, role)
  } catch (cause) {
    throw isMissingRight(cause) ? mayNotGrant(role, cause) : cause
  }
}

async function grantAll(db: Database, role: string): Promise<void> {
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
    // To a role that has a right, but may not give it, PostgreSQL says so in a warning alone.
    const { rows } = await sql<{ isGranted: boolean }>`
      select bool_and(has_schema_privilege(${role}, n.oid, 'usage') and has_table_privilege(${role}, c.oid, 'insert'))
        as "isGranted" from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in (${sql.join([...schemas])}) and c.relkind in ('r', 'p') and c.relname <> 'schema_migrations'`.execute(
      transaction,
    )
    if (rows[0]?.isGranted !== true) throw mayNotGrant(role)
  })
}

function mayNotGrant(role: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_SCHEMA_OLDER', {
    message: `This database role may not give ${JSON.stringify(role)} the rights of a server: run "keyhold-server migrate --serve-role" with the role that owns the tables.`,
    cause,
  })
}

function refused(message: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', { message })
}
