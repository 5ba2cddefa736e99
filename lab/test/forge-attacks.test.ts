// Where a run of `npm run lab forge` that ended early goes on.
import { expect, test } from 'vitest'
import { indexOfAttack, type Attack } from '../src/forge/attacks.ts'

const attackOn = (table: string, column: string | undefined, name: Attack['name']): Attack => ({
  ...{ table, column, name, sql: '' },
})
const attacks = [
  attackOn('key_jobs', undefined, 'deleted'),
  attackOn('audits', 'hash', 'changed'),
  attackOn('key_jobs', 'phase', 'changed'),
  attackOn('key_jobs', 'phase', 'older'),
  attackOn('key_jobs', 'kind', 'changed'),
]

test.each([
  ['1', 0],
  ['3', 2],
  ['key_jobs', 2],
  ['key_jobs deleted', 0],
  ['key_jobs.phase', 2],
  ['key_jobs.phase older', 3],
  ['key_jobs.kind', 4],
])('--from %s begins at attack %i', (from, index) => {
  expect(indexOfAttack(attacks, from)).toBe(index)
})

test.each(['0', '6', 'key_job', 'key_jobs older'])('--from %s is refused', (from) => {
  expect(() => indexOfAttack(attacks, from)).toThrow(RangeError)
})
