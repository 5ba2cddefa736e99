// Customers whose social security number and private notes are encrypted before they reach the database, with Kysely.
// A customer is found by its number through a blind index in a column of its own.
import type { TenantClient } from '@keyhold/client/node'
import { Kysely, PostgresDialect, sql, type JSONColumnType } from 'kysely'
import type { Pool } from 'pg'

export interface Customer {
  /** Part of what the fields are bound to: it never changes. */
  id: string
  name: string
  ssn: string | null
  notes: { public: string; private?: string }
}

/** A customer as stored: the same, with tokens in place of the encrypted fields, and the blind index. */
interface CustomersTable extends Omit<Customer, 'notes'> {
  ssn_index: string | null
  notes: JSONColumnType<Customer['notes']>
}

export interface Customers {
  insert(customer: Customer): Promise<void>
  update(customer: Customer): Promise<void>
  get(id: string): Promise<Customer>
  list(): Promise<Customer[]>
  findBySsn(ssn: string): Promise<Customer[]>
}

/** The customers of one tenant. Its keys neither decrypt nor find the rows of another tenant. */
export async function openCustomers(pool: Pool, tenant: TenantClient): Promise<Customers> {
  const db = new Kysely<{ customers: CustomersTable }>({ dialect: new PostgresDialect({ pool }) })
  // Tokens and indexes are text; a token is some 200 characters longer than what it holds.
  await sql`CREATE TABLE IF NOT EXISTS customers
    (id text PRIMARY KEY, name text NOT NULL, ssn text, ssn_index text, notes jsonb NOT NULL)`.execute(db)
  await sql`CREATE INDEX IF NOT EXISTS customers_by_ssn ON customers (ssn_index)`.execute(db)

  // Local encryption, so that no value travels; with `tenant.fields` the server encrypts.
  const fields = tenant.local.fields<Customer>(['ssn', 'notes.private'], {
    table: 'customers',
    id: ({ id }) => id,
  })
  const ssnIndex = tenant.local.blindIndex({ keyName: 'customers', bits: 64 })

  async function toRow(customer: Customer) {
    const { id, name, ssn, notes } = await fields.encrypt(customer)
    const ssn_index = customer.ssn === null ? null : await indexOf(customer.ssn)
    return { id, name, ssn, ssn_index, notes: JSON.stringify(notes) }
  }

  const indexOf = (ssn: string): Promise<string> =>
    ssnIndex.compute(digitsOf(ssn), { table: 'customers', column: 'ssn' })

  const columns = ['id', 'name', 'ssn', 'notes'] as const
  return {
    async insert(customer) {
      await db
        .insertInto('customers')
        .values(await toRow(customer))
        .execute()
    },

    async update(customer) {
      const { id, ...changes } = await toRow(customer)
      await db.updateTable('customers').set(changes).where('id', '=', id).execute()
    },

    async get(id) {
      const row = await db
        .selectFrom('customers')
        .select(columns)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return fields.decrypt(row)
    },

    async list() {
      const rows = await db.selectFrom('customers').select(columns).orderBy('id').execute()
      // There is one result for each row. Here a row that somebody has tampered with fails the whole list.
      const results = await fields.decryptMany(rows)
      return results.map(({ value, error }) => {
        if (error !== undefined) throw error
        return value
      })
    },

    async findBySsn(ssn) {
      const rows = await db
        .selectFrom('customers')
        .select(columns)
        .where('ssn_index', '=', await indexOf(ssn))
        .execute()
      const found = await Promise.all(rows.map((row) => fields.decrypt(row)))
      // Other numbers may have the same index, and a shorter index has more of them.
      return found.filter((customer) => digitsOf(customer.ssn ?? '') === digitsOf(ssn))
    },
  }
}

/** Defines when two numbers are equal. The index depends on it, so decide it before the first row is stored. */
function digitsOf(ssn: string): string {
  return ssn.replaceAll(/\D/g, '')
}
