// How much room the tables take, with their indexes, for each row.
import pg from 'pg'
import { embeddedConnection } from '../../../testkit/src/process/embedded-connection.ts'
import type { Scene } from './open-scene.ts'

export interface TableSize {
  table: string
  rows: number
  bytes: number
  /** Of these. */
  indexBytes: number
}

export async function readTableSizes({ keyhold }: Scene): Promise<TableSize[]> {
  const client = new pg.Client(embeddedConnection(keyhold.dataDir))
  await client.connect()
  try {
    const { rows } = await client.query<TableSize>(`
      select regexp_replace(relname, '_p[0-9][0-9]$', '') as table, sum(greatest(reltuples, 0))::float8 as rows,
        sum(pg_total_relation_size(oid))::float8 as bytes, sum(pg_indexes_size(oid))::float8 as "indexBytes"
      from pg_class where relnamespace = 'keyhold'::regnamespace and relkind = 'r'
      group by 1 having sum(greatest(reltuples, 0)) >= 100 order by 3 desc`)
    return rows
  } finally {
    await client.end()
  }
}
