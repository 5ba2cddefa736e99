// The examples of client/examples against PostgreSQL and a real server.
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as withDrizzle from '../../examples/drizzle.ts'
import * as withKysely from '../../examples/kysely.ts'
import { createKeyholdClient, type TenantClient } from '../../src/node/index.ts'
import { startRealServer, type RealServer, type RealTenant } from './start-real-server.ts'

let server: RealServer
beforeAll(async () => {
  server = await startRealServer()
})
afterAll(async () => {
  await server.stop()
})

const ada = { id: '7', name: 'Ada', ssn: '078-05-1120', notes: { public: 'calls', private: 'likes tea' } }
const bob = { id: '8', name: 'Bob', ssn: '219-09-9999', notes: { public: 'mails', private: 'likes rum' } }
const eve = { id: '9', name: 'Eve', ssn: null, notes: { public: 'visits' } }

describe.each([
  { name: 'Kysely', openCustomers: withKysely.openCustomers },
  { name: 'Drizzle', openCustomers: withDrizzle.openCustomers },
])('with $name', ({ openCustomers }) => {
  let tenant: RealTenant & { arn: string }
  let pool: Pool
  let customers: withKysely.Customers
  beforeAll(async () => {
    tenant = await server.createTenantWithOwnKey()
    pool = new Pool(await server.createDatabase())
    customers = await openCustomers(pool, sdkOf(tenant))
    for (const customer of [ada, bob, eve]) await customers.insert(customer)
  })
  afterAll(() => pool.end())

  /** A client that holds no keys yet. */
  function sdkOf({ serviceToken }: RealTenant): TenantClient {
    return createKeyholdClient({ url: server.url, token: serviceToken }).tenant()
  }

  interface Row {
    name: string
    ssn: string | null
    ssn_index: string | null
    notes: { public: string; private?: string }
  }

  /** The stored row, as it is without any keys. */
  async function row(id: string): Promise<Row | undefined> {
    return (await pool.query<Row>('SELECT * FROM customers WHERE id = $1', [id])).rows[0]
  }

  /** Changes stored rows as somebody with access to the database could, and undoes it afterwards. */
  async function tampered(statement: string, check: () => Promise<unknown>): Promise<void> {
    await pool.query('CREATE TABLE untouched AS TABLE customers')
    try {
      expect((await pool.query(statement)).rowCount).toBe(1)
      await check()
    } finally {
      await pool.query('TRUNCATE customers; INSERT INTO customers TABLE untouched; DROP TABLE untouched')
    }
  }

  const failed = expect.objectContaining({ code: 'ERR_DECRYPTION_FAILED' }) as unknown

  test('secrets are stored as tokens, all else as it is', async () => {
    const stored = await row('7')
    expect(stored).toMatchObject({ name: 'Ada', notes: { public: 'calls' } })
    expect(stored?.ssn).toMatch(/^kh1\.[\w-]{100,}$/)
    expect(stored?.notes.private).toMatch(/^kh1\.[\w-]{100,}$/)
    expect(stored?.ssn_index).toMatch(/^[\w-]{11}$/)
    expect(JSON.stringify(stored)).not.toMatch(/1120|tea/)
    expect(await row('9')).toMatchObject({ ssn: null, ssn_index: null, notes: { public: 'visits' } })
  })

  test('customers come back as they were', async () => {
    expect(await customers.get('7')).toEqual(ada)
    expect(await customers.list()).toEqual([ada, bob, eve])
  })

  test('a row is found by the value of its encrypted field, in any spelling', async () => {
    expect(await customers.findBySsn('078-05-1120')).toEqual([ada])
    expect(await customers.findBySsn('078 05 1120')).toEqual([ada])
    expect(await customers.findBySsn('078-05-1121')).toEqual([])
    const { rows } = await pool.query<{ ssn: string }>('SELECT ssn FROM customers WHERE ssn = $1', [ada.ssn])
    expect(rows).toEqual([])
  })

  test('a changed value is found, and the old one is not', async () => {
    await customers.update({ ...bob, ssn: '111-11-1111' })
    expect(await customers.findBySsn(bob.ssn)).toEqual([])
    expect(await customers.findBySsn('111-11-1111')).toMatchObject([{ id: '8' }])
    await customers.update(bob)
    expect(await customers.findBySsn(bob.ssn)).toEqual([bob])
  })

  test('a token that is moved to another row does not decrypt', async () => {
    const move = `UPDATE customers SET ssn = other.ssn, ssn_index = other.ssn_index
      FROM customers other WHERE customers.id = '8' AND other.id = '7'`
    await tampered(move, async () => {
      await expect(customers.get('8')).rejects.toEqual(failed)
      await expect(customers.list()).rejects.toEqual(failed)
      await expect(customers.findBySsn(ada.ssn)).rejects.toEqual(failed)
      expect(await customers.get('7')).toEqual(ada)
    })
    expect(await customers.get('8')).toEqual(bob)
  })

  test('a token that is moved to another column does not decrypt', async () => {
    const move = `UPDATE customers SET notes = jsonb_set(notes, '{private}', to_jsonb(ssn)) WHERE id = '7'`
    await tampered(move, () => expect(customers.get('7')).rejects.toEqual(failed))
    await tampered(`UPDATE customers SET ssn = notes->>'private' WHERE id = '7'`, () =>
      expect(customers.get('7')).rejects.toEqual(failed),
    )
  })

  test("another tenant finds nothing and reads nothing of this one's", async () => {
    const others = await openCustomers(pool, sdkOf(await server.createTenantWithOwnKey()))
    expect(await others.findBySsn(ada.ssn)).toEqual([])
    await expect(others.get('7')).rejects.toEqual(failed)
  })

  test('a migration of the tenant changes neither rows nor searches', async () => {
    const before = await row('7')
    await server.migrate(tenant)
    await server.disableKey(tenant.arn)
    const afterwards = await openCustomers(pool, sdkOf(tenant))
    expect(await row('7')).toEqual(before)
    expect(await afterwards.list()).toEqual([ada, bob, eve])
    expect(await afterwards.findBySsn(ada.ssn)).toEqual([ada])
    await afterwards.insert({ ...ada, id: '10' })
    expect((await afterwards.findBySsn(ada.ssn)).map(({ id }) => id).toSorted()).toEqual(['10', '7'])
    expect((await row('10'))?.ssn_index).toBe(before?.ssn_index)
  })
})
