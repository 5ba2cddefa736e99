import { describe, expect, test } from 'vitest'
import { KeyholdItemError } from '../src/index.ts'
import { fields } from '../src/fields/fields.ts'
import type { ItemCipher } from '../src/item-cipher.ts'

/** Keeps plaintexts and contexts in a list; a token is a place in it. */
function listCipher() {
  const kept: { plaintext: Uint8Array; context: string }[] = []
  let requests = 0
  const cipher: ItemCipher = {
    maxPlaintextBytes: 1_000,
    readKeyName: () => undefined,
    encryptItems: (items) => {
      requests++
      return Promise.resolve(
        items.map(({ value }) => {
          const plaintext = value?.plaintext ?? new Uint8Array()
          const length = kept.push({ plaintext, context: JSON.stringify(value?.context) })
          return { value: `kh1.${length - 1}` }
        }),
      )
    },
    decryptItems: (items) => {
      requests++
      return Promise.resolve(
        items.map(({ value }) => {
          const { token = '', context } = value ?? {}
          const found = kept[Number(token.slice(4))]
          if (found === undefined || !token.startsWith('kh1.') || found.context !== JSON.stringify(context))
            return { error: new KeyholdItemError({ code: 'ERR_DECRYPTION_FAILED', title: 'No.' }) }
          return { value: Uint8Array.from(found.plaintext) }
        }),
      )
    },
  }
  return { cipher, kept, requests: () => requests }
}

interface Row {
  id: string
  ssn?: unknown
  name?: string
  notes?: { private?: unknown; public?: string } | null
}

const options = { table: 'people', id: ({ id }: Row) => id }
const paths = ['ssn', 'notes.private']

describe('a record', () => {
  test('comes back, with everything beside the fields as it was', async () => {
    const { cipher } = listCipher()
    const people = fields<Row>(cipher, paths, options)
    const record: Row = { id: '7', ssn: '078-05-1120', name: 'Ann', notes: { private: 'p', public: 'q' } }
    const before = structuredClone(record)
    const stored = await people.encrypt(record)
    expect(stored).toEqual({ id: '7', ssn: 'kh1.0', name: 'Ann', notes: { private: 'kh1.1', public: 'q' } })
    expect(await people.decrypt(stored)).toEqual(before)
    expect(record).toEqual(before)
  })

  test.each([
    '',
    'naïve \u{1f511}',
    0,
    -0,
    1.5e-300,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    true,
    false,
    12345678901234567890n,
    new Date(-1),
    new Date('+123456-01-01T00:00:00.000Z'),
    Uint8Array.of(0, 255),
  ])('keeps the type and value of %s', async (ssn) => {
    const people = fields<Row>(listCipher().cipher, ['ssn'], options)
    expect(await people.decrypt(await people.encrypt({ id: '1', ssn }))).toStrictEqual({ id: '1', ssn })
  })

  test.each([{ a: 1 }, [1], Symbol('x'), new Date(Number.NaN), '\ud800'])(
    'refuses a field that it cannot bring back: %s',
    async (ssn) => {
      const people = fields<Row>(listCipher().cipher, ['ssn'], options)
      const refusal = { code: 'ERR_CLIENT_PLAINTEXT_INVALID', member: 'record.ssn' }
      await expect(people.encrypt({ id: '1', ssn })).rejects.toMatchObject(refusal)
    },
  )

  test.each([
    { id: '1' },
    { id: '1', ssn: null },
    { id: '1', ssn: undefined, notes: null },
    { id: '1', notes: {} },
  ])('leaves alone what is not there: %j', async (record) => {
    const { cipher, kept } = listCipher()
    const people = fields<Row>(cipher, paths, options)
    expect(await people.decrypt(await people.encrypt(record))).toEqual({ ...record })
    expect(kept).toEqual([])
  })

  test('with a path through a list is refused', async () => {
    const people = fields<Row>(listCipher().cipher, paths, options)
    const record = { id: '1', notes: [{ private: 'x' }] } as unknown as Row
    const refusal = { code: 'ERR_CLIENT_RECORD_INVALID', member: 'record.notes' }
    await expect(people.encrypt(record)).rejects.toMatchObject(refusal)
  })

  class Person {
    id = '1'
    get ssn(): string {
      return `of the class ${this.id}`
    }
  }

  // Their copies would lack the field, or hold it in plain text.
  test.each([
    ['an instance of a class', new Person(), 'record'],
    ['an inherited field', Object.create({ id: '1', ssn: 'inherited' }) as Row, 'record'],
    ['a Map', new Map([['ssn', 'x']]) as unknown as Row, 'record'],
    ['a Map on the way', { id: '1', notes: new Map([['private', 'x']]) } as unknown as Row, 'record.notes'],
    ['a text on the way', { id: '1', notes: 'private' } as unknown as Row, 'record.notes'],
  ])('that is %s is refused', async (_name, record, member) => {
    const { cipher, kept } = listCipher()
    const people = fields<Row>(cipher, paths, options)
    await expect(people.encrypt(record)).rejects.toMatchObject({ code: 'ERR_CLIENT_RECORD_INVALID', member })
    expect(kept).toEqual([])
  })

  test('with a field that is too large is refused, and says which', async () => {
    const people = fields<Row>(listCipher().cipher, ['ssn'], options)
    const refusal = people.encrypt({ id: '1', ssn: 'x'.repeat(1_000) })
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_ITEM_TOO_LARGE', field: 'ssn' })
    await people.encrypt({ id: '1', ssn: 'x'.repeat(999) })
  })
})

describe('a token is bound', () => {
  test('to table, column and record', async () => {
    const { cipher, kept } = listCipher()
    const people = fields<Row>(cipher, paths, options)
    const stored = await people.encrypt({ id: '1', ssn: 'a', notes: { private: 'b' } })
    expect(kept[1]?.context).toBe('{"table":"people","column":"notes.private","id":"1"}')

    const moved = [
      () => people.decrypt({ ...stored, id: '2' }),
      () => people.decrypt({ id: '1', ssn: stored.notes?.private }),
      () => fields<Row>(cipher, paths, { ...options, table: 'others' }).decrypt(stored),
    ]
    for (const decrypt of moved)
      await expect(decrypt()).rejects.toMatchObject({ code: 'ERR_DECRYPTION_FAILED' })
    await expect(moved[1]).rejects.toMatchObject({ field: 'ssn', message: 'the field "ssn": No.' })
  })
})

describe('the id', () => {
  let made = 0

  test.each([
    ['that is empty', () => ''],
    ['that is not there yet', () => undefined],
    ['that is null', () => null],
    ['that is a number', () => 7],
    ['that no context can hold', () => 'a\n'],
    ['that is a promise', () => Promise.resolve('1')],
    [
      'that cannot be read',
      () => {
        throw new TypeError('no customer')
      },
    ],
  ])('%s is refused, and nothing is encrypted', async (_name, id) => {
    const { cipher, kept } = listCipher()
    const people = fields<Row>(cipher, paths, { table: 'people', id: id as () => string })
    const refusal = { code: 'ERR_CLIENT_RECORD_ID_INVALID', member: 'id(record)' }
    await expect(people.encrypt({ id: '1', ssn: 'x' })).rejects.toMatchObject(refusal)
    const [result] = await people.encryptMany([{ id: '1', ssn: 'x' }])
    expect(result?.error).toMatchObject({ ...refusal, member: 'id(records[0])' })
    await expect(people.decrypt({ id: '1', ssn: 'kh1.0' })).rejects.toMatchObject(refusal)
    expect(kept).toEqual([])
    // Without a field there is nothing to bind.
    expect(await people.encrypt({ id: '1', ssn: null })).toEqual({ id: '1', ssn: null })
  })

  test.each([
    ['that is encrypted itself', ['ssn', 'id'], ({ id }: Row) => id],
    ['that is made anew each time', ['ssn'], () => String(made++)],
  ])('%s is refused: the record could not be decrypted', async (_name, given, id) => {
    const people = fields<Row>(listCipher().cipher, given, { table: 'people', id })
    const refusal = { code: 'ERR_CLIENT_RECORD_ID_INVALID', member: 'id(record)' }
    await expect(people.encrypt({ id: '1', ssn: 'x' })).rejects.toMatchObject(refusal)
  })
})

describe('many records', () => {
  test('take one request, and a bad one does not fail the others', async () => {
    const { cipher, requests } = listCipher()
    const people = fields<Row>(cipher, paths, options)
    const records = Array.from({ length: 50 }, (_, index) => ({ id: String(index), ssn: index }))
    const stored = (await people.encryptMany(records)).map(({ value }) => value ?? { id: '' })
    expect(requests()).toBe(1)
    stored[7] = { id: '7', ssn: 'no token' }
    stored[8] = { id: '8', ssn: 8 }
    const results = await people.decryptMany(stored)
    expect(results.map(({ error }, index) => (error === undefined ? '' : index)).filter(String)).toEqual([
      7, 8,
    ])
    expect(results[49]?.value).toEqual(records[49])
  })

  test('one that cannot be encrypted does not fail the others', async () => {
    const people = fields<Row>(listCipher().cipher, paths, options)
    const good = { id: '1', ssn: 'x' }
    const bad = [{ id: '', ssn: 'x' }, { id: '2', ssn: {} }, 5] as Row[]
    const results = await people.encryptMany([...bad, good])
    expect(results.map(({ error }) => error?.code)).toEqual([
      'ERR_CLIENT_RECORD_ID_INVALID',
      'ERR_CLIENT_PLAINTEXT_INVALID',
      'ERR_CLIENT_RECORD_INVALID',
      undefined,
    ])
    expect(results[1]?.error).toMatchObject({ member: 'records[1].ssn' })
    expect(results[3]?.value).toEqual({ id: '1', ssn: 'kh1.0' })
  })

  test('a value that was not encrypted as a field is refused', async () => {
    const { cipher, kept } = listCipher()
    const people = fields<Row>(cipher, ['ssn'], options)
    const stored = await people.encrypt({ id: '1', ssn: 'a' })
    for (const plaintext of ['', 'zabc', 'n01', 'n1e400', 'btrue ', 'i1.5', 'd2020', 'ixx', 's\xff']) {
      kept[0] = { plaintext: Buffer.from(plaintext, 'latin1'), context: kept[0]?.context ?? '' }
      await expect(people.decrypt(stored), plaintext).rejects.toMatchObject({ code: 'ERR_DECRYPTION_FAILED' })
    }
  })
})

test.each([[[]], [['']], [['a..b']], [['a', 'a']], [['a', 'a.b']], [['a.__proto__']]])(
  'the paths %j are refused',
  (given) => {
    const refusal = { code: 'ERR_CLIENT_FIELD_PATH_INVALID' }
    const create = () => fields<Row>(listCipher().cipher, given, options)
    expect(create).toThrow(expect.objectContaining(refusal) as Error)
  },
)
