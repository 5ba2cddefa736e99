// A request that names a new blind index asks whether there was one of that name, in whatever state. Without an index that was a
// look through all cipherkeys of the tenant. The index has the few rows of blind indexes alone.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const columns = "(tenant_id, key_name) where starts_with(key_name, ''blind-index:'')"
const partitions = 64
// Each statement has the usual time limit, and reads all rows of its partitions.
const partitionsAtOnce = 8

const addToPartitions = (first: number) =>
  sql.raw(`do $$ begin
    for number in ${first}..${first + partitionsAtOnce - 1} loop
      execute format('create index cipherkeys_p%1$s_of_blind_indexes on keyhold.cipherkeys_p%1$s ${columns}',
        lpad(number::text, 2, '0'));
      execute format('alter index keyhold.cipherkeys_of_blind_indexes
        attach partition keyhold.cipherkeys_p%1$s_of_blind_indexes', lpad(number::text, 2, '0'));
    end loop;
  end $$`)

export const namesOfBlindIndexes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(
        `create index cipherkeys_of_blind_indexes on only keyhold.cipherkeys ${columns.replaceAll("''", "'")}`,
      )
      .execute(db)
    for (let first = 0; first < partitions; first += partitionsAtOnce)
      await addToPartitions(first).execute(db)
  },
}
