import { describe, expect, test } from 'vitest'
import { KeyholdItemError, type ValueCipher } from '../src/index.ts'
import { fields } from '../src/fields.ts'

/** Keeps plaintexts and contexts in a list; a token is a place in it. */
function listCipher() {
  const kept: { plaintext: Uint8Array; context: string }[] = []
  let requests = 0
  const cipher: ValueCipher = {
    encryptMany: (items) => {
      requests++
      return Promise.resolve(
        items.map(({ plaintext, context }) => {
          const length = kept.push({
            plaintext: plaintext as Uint8Array,
            context: JSON.stringify(context),
          })
          return { value: `kh1.${length - 1}` }
        }),
      )
    },
    decryptMany: (items) => {
      requests++
      return Promise.resolve(
        items.map(({ token, context }) => {
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
      await expect(people.encrypt({ id: '1', ssn })).rejects.toThrow(TypeError)
    },
  )

  test.each([
    { id: '1' },
    { id: '1', ssn: null },
    { id: '1', ssn: undefined, notes: null },
    { id: '1', notes: {} },
    Object.create({ ssn: 'inherited' }) as Row,
  ])('leaves alone what is not there: %j', async (record) => {
    const { cipher, kept } = listCipher()
    const people = fields<Row>(cipher, paths, options)
    expect(await people.decrypt(await people.encrypt(record))).toEqual({ ...record })
    expect(kept).toEqual([])
  })

  test('with a path through a list is refused', async () => {
    const people = fields<Row>(listCipher().cipher, paths, options)
    const record = { id: '1', notes: [{ private: 'x' }] } as unknown as Row
    await expect(people.encrypt(record)).rejects.toThrow(TypeError)
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
    expect(() => fields<Row>(listCipher().cipher, given, options)).toThrow(TypeError)
  },
)
