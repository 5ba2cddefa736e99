// When keys of the issuer are made, sign and end: by times that never change, so that replicas agree.
import { expect, test } from 'vitest'
import { comparePages } from '../../src/installation/issuer-keys/compare-pages.ts'
import {
  endedAt,
  inOrder,
  nextSignsFrom,
  publishedAt,
  signingKeyAt,
} from '../../src/installation/issuer-keys/issuer-key-times.ts'

const dayMs = 86_400_000
const day = (days: number) => new Date(Date.UTC(2026, 0, 1) + days * dayMs)
const key = (id: string, createdDay: number, signsFromDay: number) => ({
  id,
  createdAt: day(createdDay),
  signsFrom: day(signsFromDay),
})
const ids = (keys: readonly { id: string }[]) => keys.map(({ id }) => id)

test('over a year each key is published a day before it signs, and a day after its last signature', () => {
  let keys: ReturnType<typeof key>[] = []
  let made = 0
  const published = new Map<string, { first: number; last: number }>()
  const signed = new Map<string, { first: number; last: number }>()
  const step = 1 / 12
  for (let at = 0; at < 365; at += step) {
    const now = day(at)
    const next = nextSignsFrom(keys, now)
    if (next !== undefined) keys = [...keys, { id: `key-${made++}`, createdAt: now, signsFrom: next }]
    const gone = new Set(endedAt(keys, now))
    keys = keys.filter((each) => !gone.has(each))
    const note = (into: typeof signed, id: string) => {
      into.set(id, { first: into.get(id)?.first ?? at, last: at })
    }
    for (const { id } of publishedAt(keys, now)) note(published, id)
    const signer = signingKeyAt(keys, now)
    expect(signer, `day ${at}`).toBeDefined()
    note(signed, signer?.id ?? '')
  }
  // The first one signs at once, the others every 90 days.
  const starts = [...signed.values()].map(({ first }) => Math.round(first))
  expect(starts).toEqual([0, 90, 180, 270, 360])
  for (const [id, { first, last }] of [...signed].slice(0, -1)) {
    const seen = published.get(id)
    if (id !== [...signed.keys()][0]) expect(first - (seen?.first ?? first)).toBeGreaterThanOrEqual(1)
    expect((seen?.last ?? 0) - last).toBeGreaterThanOrEqual(1)
    expect((seen?.last ?? 0) - last).toBeLessThan(2)
  }
})

test('after a long stop the next key is published before it signs, and the old one goes on', () => {
  const keys = [key('old', 0, 0)]
  const next = nextSignsFrom(keys, day(200))
  expect(next).toEqual(day(207))
  const both = [...keys, { id: 'new', createdAt: day(200), signsFrom: next ?? day(0) }]
  expect([signingKeyAt(both, day(206))?.id, signingKeyAt(both, day(208))?.id]).toEqual(['old', 'new'])
  expect(nextSignsFrom(both, day(206))).toBeUndefined()
})

test('of two keys that begin at one moment all replicas take the same', () => {
  const keys = [key('b', 0, 1), key('a', 0, 1)]
  expect(ids(inOrder(keys))).toEqual(['a', 'b'])
  expect(ids(inOrder(keys.toReversed()))).toEqual(['a', 'b'])
  expect(signingKeyAt(keys, day(2))?.id).toBe('b')
  expect(signingKeyAt(keys, day(0))).toBeUndefined()
})

const issuer = 'https://id.example.com'
const keySetUrl = `${issuer}/.well-known/jwks.json`
const own = [{ kid: 'one', n: 'n1', e: 'AQAB' }]
const right = { discovery: { issuer, jwks_uri: keySetUrl }, keySet: { keys: own } }
test.each([
  ['right pages', right, []],
  [
    'no pages',
    { discovery: undefined, keySet: undefined },
    ['The discovery document is no JSON object.', 'The key set is no JSON object.'],
  ],
  // Who fetched them has said why not.
  ['no answer', { discovery: 'unfetched', keySet: 'unfetched' } as const, []],
  [
    'another issuer',
    { ...right, discovery: { issuer: `${issuer}/`, jwks_uri: keySetUrl } },
    [`The discovery document names another issuer than ${issuer}.`],
  ],
  [
    'another key set',
    { ...right, discovery: { issuer, jwks_uri: 'https://evil.example.com' } },
    [`The discovery document names another key set than ${keySetUrl}.`],
  ],
  ['no key', { ...right, keySet: { keys: [] } }, ['The key set lacks the key one.']],
  ['no list', { ...right, keySet: {} }, ['The key set lacks the key one.']],
  [
    'another key of that name',
    { ...right, keySet: { keys: [{ ...own[0], n: 'evil' }] } },
    ['The key set has another key under the name one.'],
  ],
  [
    'a key more',
    { ...right, keySet: { keys: [...own, { kid: 'evil', n: 'n', e: 'AQAB' }] } },
    ['The key set has a key that this installation does not publish: evil.'],
  ],
])('the public pages have %s', (_, pages, problems) => {
  expect(comparePages(pages, { issuer, keySetUrl, publicKeys: own })).toEqual(problems)
})
