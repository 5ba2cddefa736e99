// The columns as PostgreSQL itself tells them.

/** A column as the catalog of PostgreSQL tells it. */
export interface CatalogColumn {
  table: string
  column: string
  type: string
  isNullable: boolean
}

export const catalogQuery = `
  select table_name as "table", column_name as "column", udt_name as type, is_nullable = 'YES' as "isNullable"
  from information_schema.columns where table_schema = 'keyhold'`
