// The one sentence of the first page, for each state of the key and of the lock.
import { expect, test } from 'vitest'
import { standingOf } from '../src/home/standing.ts'

const health = (state: string) =>
  ({
    state,
    cause: '',
    since: '2026-01-02T03:04:05Z',
    checkedAt: '2026-01-02T03:04:05Z',
    advice: '',
    regions: [{ region: 'eu-west-1', state, cause: '', since: '', checkedAt: '', advice: '' }],
  }) as never
const own = (state: string) => ({ keyprovider: 'AWS-KMS', health: health(state) })
const open = { tenantId: 'acme', locked: false }

test.each([
  ['healthy', 'nobody', 'good'],
  ['degraded', 'nobody', 'warn'],
  ['denied', 'key', 'bad'],
  ['disabled', 'key', 'bad'],
  ['pendingDeletion', 'key', 'bad'],
  ['notFound', 'key', 'bad'],
  ['throttled', 'aws', 'bad'],
  ['unreachable', 'aws', 'bad'],
  ['misconfigured', 'operator', 'bad'],
  ['tampered', 'operator', 'bad'],
])('a key that is %s is for %s', (state, owner, tone) => {
  expect(standingOf('acme', own(state), open)).toMatchObject({ owner, tone })
})

test('a lock comes before everything that the key says', () => {
  const locked = { ...open, locked: true, lockedAt: '2026-01-02T03:04:05Z' }
  for (const state of ['healthy', 'denied', 'unreachable'])
    expect(standingOf('acme', own(state), locked)).toMatchObject({
      owner: 'you',
      tone: 'bad',
      leadsTo: 'lock',
    })
})

test('the internal key is never asked, and an own key that was not asked yet is not called well', () => {
  expect(standingOf('acme', { keyprovider: 'QLIK-INTERNAL' }, open)).toMatchObject({
    owner: 'nobody',
    tone: 'good',
  })
  expect(standingOf('acme', { keyprovider: 'AWS-KMS' }, open)).toMatchObject({
    owner: 'nobody',
    tone: 'quiet',
  })
})
