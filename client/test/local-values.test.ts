import { describe, expect, test } from 'vitest'
import { createKeyholdClient } from '@keyhold/client/node'
import { startFakeKeyhold } from './fake-keyhold.ts'

async function setUp() {
  const server = await startFakeKeyhold()
  return { server, tenant: createKeyholdClient({ url: server.url, token: 'kh_t' }).tenant() }
}

describe('a value', () => {
  test('encrypted here is decrypted by the server, and the other way round', async () => {
    const { tenant } = await setUp()
    const context = { table: 'users' }
    expect(await tenant.decryptText(await tenant.local.encrypt('naïve', { context }), { context })).toBe(
      'naïve',
    )
    expect(await tenant.local.decryptText(await tenant.encrypt('naïve', { context }), { context })).toBe(
      'naïve',
    )
  })

  test.each([0, 1, 16_384, 3_000_000])('of %i bytes comes back, in memory of its own', async (length) => {
    const { tenant } = await setUp()
    const value = new Uint8Array(length).fill(7)
    const decrypted = await tenant.local.decrypt(await tenant.local.encrypt(value))
    expect(Buffer.compare(decrypted, value)).toBe(0)
    expect(decrypted.buffer.byteLength).toBe(length)
  })

  test('is refused under another context, when it is changed, and when it is no token', async () => {
    const { tenant } = await setUp()
    const token = await tenant.local.encrypt('a', { context: { a: 'b' } })
    const codes = await Promise.all(
      [
        tenant.local.decrypt(token),
        tenant.local.decrypt(`${token.slice(0, -2)}AA`, { context: { a: 'b' } }),
        tenant.local.decrypt('kh1.'),
        tenant.local.decrypt(token, { context: { 'keyhold:x': 'b' } }),
      ].map((decryption) => decryption.catch((error: unknown) => (error as { code: string }).code)),
    )
    expect(codes).toEqual([
      'ERR_DECRYPTION_FAILED',
      'ERR_DECRYPTION_FAILED',
      'ERR_TOKEN_INVALID',
      'ERR_CLIENT_CONTEXT_INVALID',
    ])
  })
})

test('among many values, a bad one does not fail the others', async () => {
  const { server, tenant } = await setUp()
  const results = await tenant.local.encryptMany([
    { plaintext: 'a' },
    { plaintext: 'b', context: { '': 'empty key' } },
    { plaintext: 'c' },
  ])
  expect(results.map(({ error }) => error?.code)).toEqual([
    undefined,
    'ERR_CLIENT_CONTEXT_INVALID',
    undefined,
  ])

  const byServer = await tenant.encryptMany(['d', 'e'].map((plaintext) => ({ plaintext })))
  const stranger = (await (await setUp()).tenant.local.encryptMany([{ plaintext: 'x' }]))[0]
  const tokens = [results[0], stranger, results[2], ...byServer].map((result) => result?.value ?? '')
  const decrypted = await tenant.local.decryptMany([...tokens, 'no token'].map((token) => ({ token })))
  expect(decrypted.map(({ value, error }) => error?.code ?? Buffer.from(value ?? []).toString())).toEqual([
    'a',
    'ERR_DECRYPTION_FAILED',
    'c',
    'd',
    'e',
    'ERR_TOKEN_INVALID',
  ])
  expect(await tenant.local.encryptMany([])).toEqual([])
  expect(server.calls.filter((call) => call === 'unwrap')).toHaveLength(3)
})

test('the name of a data key is refused, because destroying that name would shred nothing', async () => {
  const { server, tenant } = await setUp()
  const code = 'ERR_CLIENT_OPTION_UNKNOWN'
  const [result] = await tenant.local.encryptMany([{ plaintext: 'a', keyName: 'k' }])
  expect(result?.error).toMatchObject({ code, member: 'items[0].keyName' })
  const options = { context: {}, keyName: 'k' }
  await expect(tenant.local.encrypt('a', options)).rejects.toMatchObject({ code, member: 'options.keyName' })
  const fieldsOptions = { table: 't', id: () => '1', keyName: 'k' }
  expect(() => tenant.local.fields(['a'], fieldsOptions)).toThrow(expect.objectContaining({ code }) as Error)
  expect(server.calls).toEqual([])
})

test('fields of records are encrypted here as the server does it', async () => {
  const { tenant } = await setUp()
  const options = { table: 'people', id: ({ id }: { id: string }) => id }
  const record = { id: '1', born: new Date(0), notes: { private: 'p' } }
  type Stored = Omit<typeof record, 'born'> & { born: string }
  const here = tenant.local.fields<typeof record, Stored>(['born', 'notes.private'], options)
  const there = tenant.fields<typeof record, Stored>(['born', 'notes.private'], options)
  const stored = await here.encrypt(record)
  expect(stored.born).toMatch(/^kh1\./)
  expect(await there.decrypt(stored)).toEqual(record)
  expect(await here.decrypt(await there.encrypt(record))).toEqual(record)
})

describe('a blind index', () => {
  test('is the same in every process, for one tenant, name, table, column and value', async () => {
    const { server, tenant } = await setUp()
    const place = { table: 'people', column: 'ssn' }
    const index = tenant.local.blindIndex({ keyName: 'people' })
    const one = await index.compute('078-05-1120', place)
    expect(one).toMatch(/^[A-Za-z0-9_-]{22}$/)

    const elsewhere = createKeyholdClient({ url: server.url, token: 'kh_t' })
    const again = elsewhere.tenant().local.blindIndex({ keyName: 'people', bits: 256 })
    expect((await again.compute('078-05-1120', place)).slice(0, 21)).toBe(one.slice(0, 21))
    const others = await Promise.all([
      index.compute('078-05-1121', place),
      index.compute('078-05-1120', { ...place, column: 'ssn2' }),
      index.compute('078-05-1120', { ...place, table: 'people2' }),
      tenant.local.blindIndex({ keyName: 'others' }).compute('078-05-1120', place),
      elsewhere.tenant('x').local.blindIndex({ keyName: 'people' }).compute('078-05-1120', place),
    ])
    expect(new Set([one, ...others]).size).toBe(6)
  })

  test.each([0, 63, 65, 257])('of %i bits is refused', async (bits) => {
    const { tenant } = await setUp()
    const create = () => tenant.local.blindIndex({ keyName: 'k', bits })
    const refusal = { code: 'ERR_CLIENT_OPTION_INVALID', member: 'options.bits' }
    expect(create).toThrow(expect.objectContaining(refusal) as Error)
  })
})
