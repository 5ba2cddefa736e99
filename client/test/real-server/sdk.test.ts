// The SDK with a real server, through every method, also while the customer's key is taken away, given back and exchanged.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyholdClient, encryptedSize, type TenantClient } from '../../src/node/index.ts'
import * as withKysely from '../../examples/kysely.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { startRealServer, type RealServer, type RealTenant } from './start-real-server.ts'

const ttlSeconds = 2

let server: RealServer
let tenant: RealTenant
let acme: TenantClient
let folder: string
beforeAll(async () => {
  server = await startRealServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds) })
  tenant = await server.createTenantWithOwnKey()
  acme = sdkOf(tenant)
  folder = await mkdtemp(join(tmpdir(), 'keyhold-sdk-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

function sdkOf({ serviceToken }: Pick<RealTenant, 'serviceToken'>): TenantClient {
  return createKeyholdClient({ url: server.url, token: serviceToken }).tenant()
}

const context = { table: 'users', column: 'ssn', id: '7' }
const failed = expect.objectContaining({ code: 'ERR_DECRYPTION_FAILED' }) as unknown

describe('values', () => {
  test('tokens of the server and of this process decrypt in both', async () => {
    for (const cipher of [acme, acme.local]) {
      const token = await cipher.encrypt('078-05-1120', { context })
      expect(await acme.decryptText(token, { context })).toBe('078-05-1120')
      expect(await acme.local.decryptText(token, { context })).toBe('078-05-1120')
      await expect(acme.decrypt(token)).rejects.toEqual(failed)
      await expect(acme.local.decrypt(token)).rejects.toEqual(failed)
    }
  })

  test('one refused item leaves the others alone', async () => {
    const token = await acme.encrypt(new Uint8Array([0, 255]), { context, keyName: 'people' })
    const items = [{ token, context }, { token }, { token: 'nonsense' }]
    for (const cipher of [acme, acme.local]) {
      const [good, wrongContext, nonsense] = await cipher.decryptMany(items)
      expect(good?.value).toEqual(new Uint8Array([0, 255]))
      expect(wrongContext?.error).toEqual(failed)
      expect(nonsense?.error?.code).toBe('ERR_TOKEN_INVALID')
    }
  })

  test('a local token is re-encrypted under the active key, and then left as it is', async () => {
    const token = await acme.local.encrypt('here', { context })
    const [first] = await acme.reencryptMany([{ token, context }])
    expect(first?.value?.reencrypted).toBe(true)
    const moved = first?.value?.token ?? ''
    expect(await acme.local.decryptText(moved, { context })).toBe('here')
    const [second] = await acme.reencryptMany([{ token: moved, context }])
    expect(second?.value).toEqual({ token: moved, reencrypted: false })
  })

  test('fields and blind indexes are the same here and by the server', async () => {
    const options = { table: 'people', id: (person: { id: string }) => person.id }
    const people = acme.local.fields<{ id: string; age: number; born: Date }>(['age', 'born'], options)
    const person = { id: '7', age: 41, born: new Date(0) }
    const stored: unknown = await people.encrypt(person)
    expect(stored).toMatchObject({ age: expect.stringMatching(/^kh1\./) as string })
    const byServer = acme.fields<typeof person>(['age', 'born'], options)
    expect(await byServer.decrypt(stored as typeof person)).toEqual(person)

    const place = { table: 'people', column: 'ssn' }
    const index = acme.local.blindIndex({ keyName: 'people' })
    const again = sdkOf(tenant).local.blindIndex({ keyName: 'people' })
    expect(await again.compute('x', place)).toBe(await index.compute('x', place))
    expect(await index.compute('y', place)).not.toBe(await index.compute('x', place))
  })
})

describe('files and streams', () => {
  test.each(doseOf([0, 16_383, 16_384, 16_385, 3_000_000], 2))(
    'a file of %i bytes goes there and back',
    async (size) => {
      const content = randomBytes(size)
      const [plain, sealed, back] = ['plain', 'sealed', 'back'].map((name) => join(folder, `${name}-${size}`))
      await writeFile(plain ?? '', content)
      await acme.local.encryptFile(plain ?? '', sealed ?? '', { context })
      expect((await stat(sealed ?? '')).size).toBe(encryptedSize(size))
      // Another client, which has no keys of the encryption.
      await sdkOf(tenant).local.decryptFile(sealed ?? '', back ?? '', { context })
      expect((await readFile(back ?? '')).equals(content)).toBe(true)
    },
  )

  test('ranges, streams and a file that was cut', async () => {
    const content = randomBytes(200_000)
    const [plain, sealed] = [join(folder, 'plain'), join(folder, 'sealed')]
    await writeFile(plain, content)
    await acme.local.encryptFile(plain, sealed)
    expect(await acme.local.readRange(sealed, 16_000, 50_000)).toEqual(content.subarray(16_000, 50_000))
    expect(await acme.local.readRange(sealed, -5)).toEqual(content.subarray(-5))

    const stream = new Blob([content]).stream()
    const through = stream.pipeThrough(acme.local.encryptStream()).pipeThrough(acme.local.decryptStream())
    expect(Buffer.from(await new Response(through).arrayBuffer()).equals(content)).toBe(true)

    await truncate(sealed, 100_000)
    const back = join(folder, 'cut')
    await expect(acme.local.decryptFile(sealed, back)).rejects.toEqual(failed)
    await expect(stat(back)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test('two tenants decrypt nothing of each other', async () => {
  const other = sdkOf(await server.createTenantWithOwnKey())
  const [plain, sealed] = [join(folder, 'of-acme'), join(folder, 'of-acme.kh')]
  await writeFile(plain, 'of acme')
  await acme.local.encryptFile(plain, sealed)
  const tokens = [await acme.encrypt('secret'), await acme.local.encrypt('secret')]
  for (const token of tokens) {
    await expect(other.decrypt(token)).rejects.toEqual(failed)
    await expect(other.local.decrypt(token)).rejects.toEqual(failed)
    expect((await other.reencryptMany([{ token }]))[0]?.error).toBeDefined()
  }
  await expect(other.local.decryptFile(sealed, join(folder, 'stolen'))).rejects.toEqual(failed)
  await expect(other.local.readRange(sealed, 0)).rejects.toEqual(failed)
  const place = { table: 't', column: 'c' }
  const indexes = [acme, other].map((sdk) => sdk.local.blindIndex({ keyName: 'x' }).compute('v', place))
  expect(new Set(await Promise.all(indexes)).size).toBe(2)
})

test('a platform token acts for the named tenant, and keeps the leases of tenants apart', async () => {
  const [one, two] = [await server.createTenant(), await server.createTenant()]
  const platform = createKeyholdClient({ url: server.url, token: await server.createPlatformToken() })
  const [first, second] = [platform.tenant(one.tenantId), platform.tenant(two.tenantId)]
  const token = await first.local.encrypt('of one')
  await second.local.encrypt('of two')
  expect(await first.local.decryptText(token)).toBe('of one')
  await expect(second.local.decrypt(token)).rejects.toEqual(failed)
})

// examples.slow.test.ts has the rest.
test('the example with Kysely stores tokens, finds a row by its encrypted field, and refuses a moved token', async () => {
  const pool = new Pool(await server.createDatabase())
  try {
    const customers = await withKysely.openCustomers(pool, acme)
    const ada = { id: '7', name: 'Ada', ssn: '078-05-1120', notes: { public: 'calls', private: 'likes tea' } }
    const bob = { ...ada, id: '8', name: 'Bob', ssn: '219-09-9999' }
    for (const customer of [ada, bob]) await customers.insert(customer)
    expect(await customers.list()).toEqual([ada, bob])
    expect(await customers.findBySsn('078 05 1120')).toEqual([ada])
    const { rows } = await pool.query('SELECT * FROM customers')
    expect(JSON.stringify(rows)).not.toMatch(/1120|9999|tea/)
    await pool.query(
      "UPDATE customers SET ssn = other.ssn FROM customers other WHERE customers.id = '8' AND other.id = '7'",
    )
    await expect(customers.get('8')).rejects.toEqual(failed)
  } finally {
    await pool.end()
  }
})

// Polls, because a KMS may take its time; the time decides nothing.
const poll = { timeout: 30_000, interval: 100 }

/** The status with which the action is refused; 200 where it is not. */
async function statusOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action()
    return 200
  } catch (error) {
    return error instanceof Error && 'status' in error ? error.status : error
  }
}

test('a disabled key ends local encryption and decryption, and an enabled one brings both back', async () => {
  const { serviceToken, arn } = await server.createTenantWithOwnKey()
  const { local } = sdkOf({ serviceToken })
  const [plain, sealed] = [join(folder, 'plain-1'), join(folder, 'sealed-1')]
  await writeFile(plain, 'a file')
  await local.encryptFile(plain, sealed)
  const token = await local.encrypt('a value')
  const file = await local.openEncryptedFile(sealed)
  const index = local.blindIndex({ keyName: 'people' })
  const compute = (value: string) => index.compute(value, { table: 't', column: 'c' })
  const before = await compute('v')

  await server.disableKey(arn)
  const encrypt = () => local.encrypt('another')
  await expect.poll(() => statusOf(encrypt), poll).toBe(424)
  await expect.poll(() => statusOf(() => local.decrypt(token)), poll).toBe(424)
  // After the refusal nothing works: neither open files nor new ones, nor a client that holds no key.
  const doors: (() => Promise<unknown>)[] = [
    encrypt,
    () => local.decrypt(token),
    () => file.readRange(0, 1),
    () => local.encryptFile(plain, join(folder, 'refused.kh')),
    () => local.decryptFile(sealed, join(folder, 'refused')),
    () => sdkOf({ serviceToken }).local.decrypt(token),
    () => sdkOf({ serviceToken }).decrypt(token),
  ]
  for (const door of doors) expect(await statusOf(door), door.toString()).toBe(424)
  await expect.poll(() => statusOf(() => compute('v')), poll).toBe(424)
  expect((await readdir(folder)).filter((name) => name.startsWith('refused'))).toEqual([])

  await server.enableKey(arn)
  await expect.poll(() => statusOf(encrypt), poll).toBe(200)
  await expect.poll(() => statusOf(() => local.decrypt(token)), poll).toBe(200)
  expect(await local.decryptText(token)).toBe('a value')
  expect((await file.readRange(0)).toString()).toBe('a file')
  await file.close()
  await local.decryptFile(sealed, join(folder, 'back'))
  expect(await readFile(join(folder, 'back'), 'utf8')).toBe('a file')
  expect(await compute('v')).toBe(before)
})

slowTest('a migration does not disturb a session, and older tokens still decrypt afterwards', async () => {
  const tenant = await server.createTenantWithOwnKey()
  const { local } = sdkOf(tenant)
  const [plain, sealed] = [join(folder, 'plain-2'), join(folder, 'sealed-2')]
  await writeFile(plain, 'a file')
  await local.encryptFile(plain, sealed)
  const tokens = [await local.encrypt('0')]

  const migrated = { arn: '' }
  const migration = server.migrate(tenant).then((arn) => (migrated.arn = arn))
  do {
    const token = await local.encrypt(String(tokens.length))
    expect(await local.decryptText(token)).toBe(String(tokens.length))
    tokens.push(token)
    await new Promise((resolve) => setTimeout(resolve, 10))
  } while (migrated.arn === '')
  await migration

  // The old key is out of use: everything needs the new one.
  await server.disableKey(tenant.arn)
  const fresh = sdkOf(tenant).local
  const texts = await fresh.decryptMany(tokens.map((token) => ({ token })))
  expect(texts.map(({ value }) => Buffer.from(value ?? []).toString())).toEqual(
    tokens.map((_, index) => String(index)),
  )
  expect((await fresh.readRange(sealed, 0)).toString()).toBe('a file')
  expect(await local.decryptText(await local.encrypt('after'))).toBe('after')

  await server.disableKey(migrated.arn)
  await expect.poll(() => statusOf(() => local.decrypt(tokens[0] ?? '')), poll).toBe(424)
})
