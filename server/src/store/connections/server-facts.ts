// The database as the server itself describes it, for operators: which one it is, and with which rights this role is there.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

export interface ServerFacts {
  database: string
  role: string
  /** Undefined: through a socket. */
  address: string | undefined
  port: number | undefined
  version: string
  /** Undefined: the connection is not encrypted. */
  tls: string | undefined
  maxConnections: number
}

export async function readServerFacts(db: Database): Promise<ServerFacts> {
  const { rows } = await sql<{
    database: string
    role: string
    address: string | null
    port: number | null
    version: string
    tls: string | null
    max_connections: number
  }>`
    select current_database()::text as database, current_user::text as role, host(inet_server_addr()) as address,
      inet_server_port() as port, current_setting('server_version') as version,
      (select s.version from pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl) as tls,
      current_setting('max_connections')::int as max_connections`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('the database does not describe itself')
  return {
    ...{ database: row.database, role: row.role, version: row.version },
    address: row.address ?? undefined,
    port: row.port ?? undefined,
    tls: row.tls ?? undefined,
    maxConnections: row.max_connections,
  }
}

/** Tables of Keyhold's schemas in which this role lacks a right that a server needs; none where there are no tables. */
export async function listMissingRights(db: Database): Promise<string[]> {
  const { rows } = await sql<{ missing: string }>`
    select n.nspname || '.' || c.relname || ' (' || r.name || ')' as missing
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    cross join (values ('select'), ('insert'), ('update'), ('delete')) as r (name)
    where n.nspname in ('keyhold', 'keyhold_jobs') and c.relkind in ('r', 'p')
      and not (c.relname like 'schema_migrations%' and r.name <> 'select')
      and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, r.name))
    order by 1`.execute(db)
  return rows.map(({ missing }) => missing)
}
