// The frozen known answers of rows with MACs, of manifests, of checkpoints and of rotations of the signing key. An independent implementation made them
// (vectors/rows.py). Changing one breaks stored data: where a test here fails, the code is wrong, never the file.
import { deriveMacKey, encodeRow, keyFromBytes } from '@keyhold/core'
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { checkpointDigest, readStored } from '../../../src/installation/audit-checkpoint.ts'
import { rotationStatement } from '../../../src/installation/signing-keys/rotation-statement.ts'
import { readOwnJws, readPublicKey, signJws, type SigningKey } from '../../../src/kms/signing-key.ts'
import { manifestDigest, type ManifestKind } from '../../../src/store/authentic/manifest.ts'
import { jsonDigest } from '../../../src/store/authentic/json-digest.ts'
import { changeJsonDigests, type KeyJobJson } from '../../../src/store/key-jobs/json-digests.ts'
import { createRowMacs, type MacRing } from '../../../src/store/authentic/row-macs.ts'
import { steeringKinds, type SteeringKind } from '../../../src/store/authentic/steering-kinds.ts'

type Value = string | { repeat: string; times: number } | string[] | null

interface RowVector {
  name: string
  kind: SteeringKind
  ring: number
  row: Record<string, Value>
  bytes?: string
  bytesSha256?: string
  mac: string
}

interface Vectors {
  comment: string
  rings: { rootKeyId: string; rootKey: string; installationId: string }[]
  macKeys: { kind: SteeringKind; ring: number; macKey: string }[]
  rows: RowVector[]
  refused: RowVector[]
  manifests: {
    name: string
    entries: { kind: ManifestKind; key: string; mac: string | null }[]
    digest: string
  }[]
  signingKey: { seed: string; x: string; kid: string }
  storedJson: { name: string; value: unknown; digest: string }[]
  keyJobJson: (KeyJobJson & { digests: string })[]
  rotations: {
    name: string
    replacedSeed: string
    successorSeed: string
    installationId: string
    number: number
    rotatedAt: string
    statement: string
    counterstatement: string
  }[]
  checkpoints: { payload: Record<string, unknown>; jws: string; digest: string }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../vectors/rows.json', import.meta.url), 'utf8'),
) as Vectors

const kinds = Object.keys(steeringKinds) as SteeringKind[]
const typesOf = (kind: SteeringKind) => Object.entries(steeringKinds[kind].columns)
const parseTime = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ) as (text: string) => Date

function ringOf(index: number): MacRing {
  const ring = vectors.rings[index]
  if (ring === undefined) throw new Error(`there is no ring ${String(index)}`)
  return { ...ring, rootKey: keyFromBytes(Buffer.from(ring.rootKey, 'hex')), requiresMacs: true }
}

/** The row as the driver answers it. */
function rowOf({ kind, row }: RowVector): Record<string, unknown> {
  const values = typesOf(kind).map(([column, type]): [string, unknown] => [
    column,
    valueOf(type, row[column] ?? null),
  ])
  return Object.fromEntries(values)
}

function valueOf(type: string, value: Value): unknown {
  if (value === null || Array.isArray(value)) return value
  const text = typeof value === 'string' ? value : value.repeat.repeat(value.times)
  if (type === 'integer') return Number(text)
  if (type === 'bytes') return Buffer.from(text, 'hex')
  return type === 'time' ? parseTime(text) : text
}

test('the file says that it is frozen', () => {
  expect(vectors.comment).toContain('frozen')
})

describe('each kind of row', () => {
  const howToAdd =
    'add rows to vectors/rows.json and the table to docs/formats.md (npm run docs:write), then run: python3 vectors/rows.py complete'

  test.each(kinds)('%s has known answers, with a value in each of its columns', (kind) => {
    const ofKind = vectors.rows.filter((vector) => vector.kind === kind)
    const missing = typesOf(kind)
      .map(([column]) => column)
      .filter((column) => ofKind.every(({ row }) => (row[column] ?? null) === null))
    expect(missing, `${kind}: ${howToAdd}`).toEqual([])
    expect(vectors.macKeys.filter((vector) => vector.kind === kind && vector.ring === 0)).toHaveLength(1)
  })

  test('no known answer is of a kind or a column that there is none of', () => {
    for (const { name, kind, row } of [...vectors.rows, ...vectors.refused]) {
      expect(kinds).toContain(kind)
      expect(
        typesOf(kind).map(([column]) => column),
        name,
      ).toEqual(expect.arrayContaining(Object.keys(row)))
    }
  })
})

test.each(vectors.macKeys)('the key for $kind is the frozen one', ({ kind, ring, macKey }) => {
  const { rootKey, installationId } = ringOf(ring)
  expect(deriveMacKey(rootKey, installationId, kind).export().toString('hex')).toBe(macKey)
})

test.each(vectors.rows)('$kind: $name', (vector) => {
  const { kind } = vector
  const row = rowOf(vector)
  const sorted = typesOf(kind).toSorted(([a], [b]) => Buffer.from(a).compare(Buffer.from(b)))
  const bytes = encodeRow(kind, sorted, row)
  if (vector.bytes === undefined)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(vector.bytesSha256)
  else expect(bytes.toString('hex')).toBe(vector.bytes)

  const macs = createRowMacs()
  macs.open(ringOf(vector.ring))
  expect(macs.sign(kind, row as never).toString('hex')).toBe(vector.mac)
  const stored = { ...row, [steeringKinds[kind].mac]: Buffer.from(vector.mac, 'hex') }
  expect(macs.inspect(kind, stored as never)).toBeUndefined()
})

test('rows have the same MAC only where they say the same in two ways', () => {
  const groups = [...Map.groupBy(vectors.rows, ({ mac }) => mac).values()]
  expect(groups.filter(({ length }) => length > 1).map((group) => group.map(({ name }) => name))).toEqual([
    ['every column', 'a time whose microseconds are rounded down', 'the same time without them'],
    ['every column', 'the same values as an audit record, of another kind'],
    ['every column that may be null is', 'nulls stated in place of left out'],
    ['a time before 1970, rounded down', 'half a millisecond before 1970'],
  ])
})

test.each(vectors.refused)('$name is refused, however right its MAC is', (vector) => {
  const row = rowOf(vector)
  const macs = createRowMacs()
  macs.open(ringOf(vector.ring))
  expect(() => macs.sign(vector.kind, row as never)).toThrow(TypeError)
  const stored = { ...row, [steeringKinds[vector.kind].mac]: Buffer.from(vector.mac, 'hex') }
  expect(macs.inspect(vector.kind, stored as never)).toBe('forged')
})

test.each(vectors.manifests)('the manifest of $name is the frozen one', ({ entries, digest }) => {
  const rows = entries.map(({ mac, ...entry }) => ({
    ...entry,
    mac: mac === null ? null : Buffer.from(mac, 'hex'),
  }))
  expect(manifestDigest(rows).toString('hex')).toBe(digest)
  expect(manifestDigest(rows.toReversed()).toString('hex')).toBe(digest)
})

test.each(vectors.storedJson)('the digest of $name is the frozen one', ({ name, value, digest }) => {
  expect(jsonDigest(name, value).toString('hex')).toBe(digest)
})

test.each(vectors.keyJobJson)(
  'the digests of a key job are the frozen ones: $digests',
  ({ digests, ...json }) => {
    expect(changeJsonDigests(null, json)?.toString('hex')).toBe(digests)
  },
)

function signingKeyOf(seed: string): SigningKey {
  // RFC 8410 section 7.
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
  const privateKey = createPrivateKey({ key: der, type: 'pkcs8', format: 'der' })
  const publicKey = createPublicKey(privateKey)
  const { id = '' } = readPublicKey(publicKey.export({ type: 'spki', format: 'der' })) ?? {}
  return { id, privateKey, publicKey }
}

test.each(vectors.rotations)('the statements about $name are the frozen ones', (vector) => {
  const [replaced, successor] = [signingKeyOf(vector.replacedSeed), signingKeyOf(vector.successorSeed)]
  const { installationId, number, rotatedAt, statement, counterstatement } = vector
  const facts = { installationId, number, replaced, successor, at: new Date(rotatedAt) }
  const words = { ...rotationStatement(facts) }
  expect(signJws(replaced, words)).toBe(statement)
  expect(signJws(successor, words)).toBe(counterstatement)
})

describe('checkpoints', () => {
  const { seed, x, kid } = vectors.signingKey
  const signingKey = signingKeyOf(seed)

  test('the signing key is the frozen one', () => {
    expect(signingKey.publicKey.export({ format: 'jwk' }).x).toBe(x)
    expect(signingKey.id).toBe(kid)
  })

  test.each(vectors.checkpoints)('number $payload.number', ({ payload, jws, digest }) => {
    expect(signJws(signingKey, payload)).toBe(jws)
    expect(checkpointDigest(jws)).toBe(digest)
    const stored = { chain: String(payload.tenantId), number: Number(payload.number), jws }
    expect(readStored((text) => readOwnJws(signingKey, text), stored)?.checkpoint).toEqual(payload)
  })

  test('each names the one before', () => {
    expect(vectors.checkpoints.map(({ payload }) => payload.previous)).toEqual([
      '0'.repeat(64),
      ...vectors.checkpoints.slice(0, -1).map(({ digest }) => digest),
    ])
  })
})
