// Values that decryption could not give back as they are. Every method refuses them, and sends nothing.
import { describe, expect, test } from 'vitest'
import { createKeyholdClient, type TenantClient } from '@keyhold/client/node'
import { startFakeKeyhold } from './fake-keyhold.ts'
import { junk } from './wrong-arguments/junk.ts'

async function setUp() {
  const server = await startFakeKeyhold()
  return { server, tenant: createKeyholdClient({ url: server.url, token: 'kh_t' }).tenant() }
}

const fieldsOptions = { table: 't', id: ({ id }: { id: string }) => id }

type Way = (tenant: TenantClient, value: never) => Promise<unknown>

async function onlyError(results: Promise<{ error?: unknown }[]>): Promise<void> {
  const [result] = await results
  if (result?.error instanceof Error) throw result.error
}

const ways: Readonly<Record<string, Way>> = {
  encrypt: (tenant, value) => tenant.encrypt(value),
  encryptMany: (tenant, value) => onlyError(tenant.encryptMany([{ plaintext: value }])),
  'local.encrypt': (tenant, value) => tenant.local.encrypt(value),
  'local.encryptMany': (tenant, value) => onlyError(tenant.local.encryptMany([{ plaintext: value }])),
}

const lost = [
  ...(['undefined', 'null', 'true', 'a number', 'a bigint', 'a symbol', 'a function'] as const),
  ...(['an empty object', 'an array of a number', 'a Date', 'a Map', 'a boxed text'] as const),
  ...(['an ArrayBuffer', 'a SharedArrayBuffer', 'a DataView', 'a Uint16Array', 'an Int8Array'] as const),
  ...(['a Uint8ClampedArray', 'a Float64Array', 'a proxy of bytes', 'a revoked proxy'] as const),
  ...(['bytes given away', 'bytes whose buffer shrank', 'a lone surrogate'] as const),
] as const

describe.each(Object.entries(ways))('%s', (_name, encrypt) => {
  test.each(lost)('refuses %s', async (kind) => {
    const { server, tenant } = await setUp()
    const refusal = { name: 'KeyholdClientError', code: 'ERR_CLIENT_PLAINTEXT_INVALID' }
    await expect(encrypt(tenant, junk[kind]() as never)).rejects.toMatchObject(refusal)
    expect(server.calls).toEqual([])
  })
})

class Deceiving extends Uint8Array {
  static get [Symbol.species](): Uint16ArrayConstructor {
    return Uint16Array
  }
  override get length(): number {
    return 0
  }
  override *[Symbol.iterator](): ArrayIterator<number> {
    yield 9
  }
}

const growing = new ArrayBuffer(2, { maxByteLength: 8 })

describe.each([
  ['shared memory', new Uint8Array(new SharedArrayBuffer(3)).fill(7), [7, 7, 7]],
  ['a view of a part', new Uint8Array(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2), [2, 3]],
  ['a buffer that can grow', new Uint8Array(growing).fill(5), [5, 5]],
  ['a Buffer', Buffer.from([1, 255]), [1, 255]],
  ['a class of its own, whose members deceive', new Deceiving([1, 2, 3]), [1, 2, 3]],
])('bytes in %s', (_name, bytes, expected) => {
  test('come back', async () => {
    const { tenant } = await setUp()
    const results = [
      await tenant.decrypt(await tenant.encrypt(bytes)),
      await tenant.local.decrypt(await tenant.local.encrypt(bytes)),
    ]
    for (const result of results) expect([...result]).toEqual(expected)
    for (const people of [tenant.fields<{ id: string; a: unknown }>(['a'], fieldsOptions)]) {
      const record = await people.decrypt(await people.encrypt({ id: '1', a: bytes }))
      expect(Array.from(record.a as Uint8Array)).toEqual(expected)
    }
  })
})

describe.each([
  ['tenant.fields', (tenant: TenantClient) => tenant],
  ['local.fields', (tenant: TenantClient) => tenant.local],
])('%s', (_name, sideOf) => {
  // A field that is encrypted before an INSERT would not decrypt once the row has its id.
  test.each<unknown>(['', undefined, null])('refuses a record with the id %j', async (id) => {
    const { server, tenant } = await setUp()
    const people = sideOf(tenant).fields<{ id: string; ssn: string }>(['ssn'], fieldsOptions)
    const refusal = { name: 'KeyholdClientError', code: 'ERR_CLIENT_RECORD_ID_INVALID' }
    const record = { id: id as string, ssn: '078-05-1120' }
    await expect(people.encrypt(record)).rejects.toMatchObject({ ...refusal, member: 'id(record)' })
    await expect(onlyError(people.encryptMany([record]))).rejects.toMatchObject(refusal)
    expect(server.calls).toEqual([])
  })
})

test('a local value is at most as long as its token may be', async () => {
  const { server, tenant } = await setUp()
  const tooLarge = { name: 'KeyholdItemError', code: 'ERR_ITEM_TOO_LARGE' }
  await expect(tenant.local.encrypt(new Uint8Array(256 * 1_048_576 + 1))).rejects.toMatchObject(tooLarge)
  await expect(tenant.local.encrypt('x'.repeat(256 * 1_048_576 + 1))).rejects.toMatchObject(tooLarge)
  expect(server.calls).toEqual([])
})

describe.each(['encryptStream', 'decryptStream'] as const)('%s', (method) => {
  const kinds = [
    'a text',
    'a number',
    'null',
    'an ArrayBuffer',
    'a Uint16Array',
    'a DataView',
    'bytes given away',
  ] as const

  test.each(kinds)('fails for a piece that is %s', async (kind) => {
    const { tenant } = await setUp()
    const stream = tenant.local[method]()
    const writer = stream.writable.getWriter()
    const refusal = { code: 'ERR_CLIENT_PIECE_INVALID', member: 'piece' }
    const ends = [
      writer.write(junk[kind]() as never),
      new Response(stream.readable).arrayBuffer(),
      writer.closed,
    ]
    for (const end of await Promise.allSettled(ends))
      expect(end).toMatchObject({ status: 'rejected', reason: refusal })
  })
})

describe('a typed call', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle

  test.each([
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a Date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['bytes', new Uint8Array(2)],
    ['undefined in a list', [undefined]],
    ['a hole in a list', new Array(1)],
    [
      'an instance of a class',
      new (class {
        a = 1
      })(),
    ],
    ['a circle', circle],
  ])('refuses %s in its body: JSON would lose it', async (_name, value) => {
    const { server, tenant } = await setUp()
    const call = tenant.call('encrypt', { body: { items: [{ plaintext: value }] } })
    const refusal = {
      code: 'ERR_CLIENT_BODY_INVALID',
      member: expect.stringMatching(/^options\.body\.items\[0\]\.plaintext/) as unknown,
    }
    await expect(call).rejects.toMatchObject(refusal)
    expect(server.calls).toEqual([])
  })

  test('refuses a body where its route has none, and text that no URL can carry', async () => {
    const { server, tenant } = await setUp()
    const get = tenant.call('listAllKeyProviders', { body: {} } as never)
    await expect(get).rejects.toMatchObject({ code: 'ERR_CLIENT_OPTION_UNKNOWN', member: 'options.body' })
    const query = tenant.call('listDataKeys', { query: { after: '\ud800' } })
    const invalid = { code: 'ERR_CLIENT_PARAMETER_INVALID' }
    await expect(query).rejects.toMatchObject({ ...invalid, member: 'options.query.after' })
    const path = tenant.call('rotateDataKey', { params: { keyName: '\ud800' } })
    await expect(path).rejects.toMatchObject({ ...invalid, member: 'options.params.keyName' })
    const unknown = tenant.call('rotateDataKey', { params: { keyName: 'k', tenantId: 'x' } })
    await expect(unknown).rejects.toMatchObject({ member: 'options.params.tenantId' })
    expect(server.calls).toEqual([])
  })

  test('leaves out what is undefined in its query', async () => {
    const { server, tenant } = await setUp()
    await tenant.call('listAllKeyProviders', { query: { after: undefined } } as never)
    expect(server.calls).toEqual(['list'])
  })
})
