// Customers whose social security number and private notes are encrypted before they reach the database, with Drizzle.
// A customer is found by its number through a blind index in a column of its own.
import type { TenantClient } from '@keyhold/client/node'
import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Pool } from 'pg'

/** As stored: tokens in place of the encrypted fields, which are text, and the blind index. */
export const customers = pgTable(
  'customers',
  {
    // Part of what the fields are bound to: it never changes.
    id: text().primaryKey(),
    name: text().notNull(),
    ssn: text(),
    ssnIndex: text('ssn_index'),
    notes: jsonb().$type<{ public: string; private?: string }>().notNull(),
  },
  (table) => [index('customers_by_ssn').on(table.ssnIndex)],
)

/** A customer as the application knows it. */
export type Customer = Omit<typeof customers.$inferSelect, 'ssnIndex'>

export interface Customers {
  insert(customer: Customer): Promise<void>
  update(customer: Customer): Promise<void>
  get(id: string): Promise<Customer>
  list(): Promise<Customer[]>
  findBySsn(ssn: string): Promise<Customer[]>
}

/** The customers of one tenant. Its keys neither decrypt nor find the rows of another tenant. */
export async function openCustomers(pool: Pool, tenant: TenantClient): Promise<Customers> {
  const db = drizzle(pool)
  // In an application drizzle-kit makes the table from its definition above.
  await db.execute(sql`CREATE TABLE IF NOT EXISTS customers
    (id text PRIMARY KEY, name text NOT NULL, ssn text, ssn_index text, notes jsonb NOT NULL)`)
  await db.execute(sql`CREATE INDEX IF NOT EXISTS customers_by_ssn ON customers (ssn_index)`)

  // Local encryption, so that no value travels; with `tenant.fields` the server encrypts.
  const fields = tenant.local.fields<Customer>(['ssn', 'notes.private'], {
    table: 'customers',
    id: (customer) => customer.id,
  })
  const ssnIndex = tenant.local.blindIndex({ keyName: 'customers', bits: 64 })

  async function toRow(customer: Customer): Promise<typeof customers.$inferInsert> {
    return {
      ...(await fields.encrypt(customer)),
      ssnIndex: customer.ssn === null ? null : await indexOf(customer.ssn),
    }
  }

  const indexOf = (ssn: string): Promise<string> =>
    ssnIndex.compute(digitsOf(ssn), { table: 'customers', column: 'ssn' })

  const columns = {
    id: customers.id,
    name: customers.name,
    ssn: customers.ssn,
    notes: customers.notes,
  }
  return {
    async insert(customer) {
      await db.insert(customers).values(await toRow(customer))
    },

    async update(customer) {
      await db
        .update(customers)
        .set(await toRow(customer))
        .where(eq(customers.id, customer.id))
    },

    async get(id) {
      const [row] = await db.select(columns).from(customers).where(eq(customers.id, id))
      if (row === undefined) throw new Error(`there is no customer ${id}`)
      return fields.decrypt(row)
    },

    async list() {
      // There is one result for each row. Here a row that somebody has tampered with fails the whole list.
      const results = await fields.decryptMany(await db.select(columns).from(customers).orderBy(customers.id))
      return results.map(({ value, error }) => {
        if (error !== undefined) throw error
        return value
      })
    },

    async findBySsn(ssn) {
      const rows = await db
        .select(columns)
        .from(customers)
        .where(eq(customers.ssnIndex, await indexOf(ssn)))
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
