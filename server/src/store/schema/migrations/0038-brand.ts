// The name, the colour and the links of the vendor whose installation it is: one row.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const brand: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create table keyhold.brand (
      id text primary key check (id = 'brand'),
      version bigint not null check (version > 0),
      name text not null,
      accent text,
      logo bytea check (length(logo) <= 102400),
      logo_type text check ((logo_type is null) = (logo is null)),
      contact text,
      imprint_url text,
      privacy_url text,
      terms_url text,
      changed_by text not null,
      changed_at timestamptz not null,
      mac bytea
    )`.execute(db)
  },
}
