// The one sentence of the first page, for each code that the server may give.
import type { Overview } from '@keyhold/client'
import { expect, test } from 'vitest'
import { standingOf } from '../src/home/standing.ts'

const turn = (changes: Partial<Overview['turn']>): Pick<Overview, 'turn' | 'keys' | 'tenant'> => ({
  tenant: { id: 'acme', name: 'Acme' },
  keys: [],
  turn: {
    owner: 'your-key',
    code: 'key-denied',
    params: { region: 'eu-west-1' },
    text: "The server's sentence.",
    since: '2026-01-02T03:04:05Z',
    data: 'closed',
    arnFingerPrint: 'f',
    ...changes,
  },
})

test.each([
  ['key-denied', 'refuses'],
  ['key-disabled', 'is disabled'],
  ['key-pending-deletion', 'about to be deleted'],
  ['key-not-found', 'does not find'],
  ['kms-unreachable', 'eu-west-1 does not answer'],
] as const)('%s has a sentence of its own, with the region', (code, words) => {
  const { title, text, leadsTo, isServerText } = standingOf(turn({ code }))
  expect(title).toContain(words)
  expect(title + text).toContain('eu-west-1')
  expect([leadsTo, isServerText]).toEqual(['key', false])
})

test('a lock names the tenant, and leads to the kill switch', () => {
  expect(standingOf(turn({ code: 'tenant-locked', owner: 'you' }))).toMatchObject({
    owner: 'you',
    title: 'Acme is locked.',
    leadsTo: 'lock',
  })
})

test('every other code is said in the words of the server, below what it means for the data', () => {
  const standing = standingOf(turn({ code: 'own-policy', owner: 'operator', data: 'closing' }))
  expect(standing).toMatchObject({
    owner: 'operator',
    tone: 'bad',
    title: 'Your data closes in a moment.',
    text: "The server's sentence.",
    isServerText: true,
  })
  expect(standingOf(turn({ code: 'kms-throttled', owner: 'aws', data: 'open' })).tone).toBe('warn')
})

test('a key that was not asked yet is not called well', () => {
  const key = { arnFingerPrint: 'f', name: 'Pay', arn: 'arn:aws:kms:x', current: true, internal: false }
  const well = { code: 'all-well', owner: 'nobody', data: 'open' } as const
  expect(standingOf({ ...turn(well), keys: [key] }).tone).toBe('quiet')
  expect(standingOf({ ...turn(well), keys: [{ ...key, internal: true }] }).tone).toBe('good')
})
