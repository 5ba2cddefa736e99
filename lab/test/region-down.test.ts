// What judges a region that was down.
import { describe, expect, test } from 'vitest'
import { problemsOf } from '../src/region-down/judge-region-down.ts'
import type { TenantKind } from '../src/region-down/region-down-result.ts'
import { figuresOf, type PhaseFigures } from '../src/region-down/watched-outage.ts'

const refused = '503 ERR_KMS_UNREACHABLE'

function phase(
  name: string,
  answers: Partial<Record<TenantKind, Record<string, number>>>,
  lastFailedAfter = 5,
) {
  const figures = (kind: TenantKind): PhaseFigures => {
    const failed = Object.values(answers[kind] ?? {}).reduce((sum, count) => sum + count, 0)
    return {
      ...{ requests: 100, decryptions: 80, failed, failedDecryptions: failed, answers: answers[kind] ?? {} },
      ...{ p50Ms: 1, p99Ms: 2, maxMs: 3, firstFailedAfter: 1 },
      lastFailedAfter: failed > 0 ? lastFailedAfter : undefined,
    }
  }
  const kinds = ['with a replica', 'replica without a policy', 'single region', 'internal KMS'] as const
  const tenants = Object.fromEntries(kinds.map((kind) => [kind, figures(kind)])) as Record<
    TenantKind,
    PhaseFigures
  >
  return { phase: name, seconds: 60, tenants, kmsCalls: {}, keyChanges: [] }
}

const good = {
  phases: [
    phase('before', {}),
    phase('refused', { 'single region': { [refused]: 50 } }),
    phase('after refused', { 'single region': { [refused]: 3 } }),
  ],
  shown: [
    {
      ...{ outage: 'refused', kind: 'with a replica' as const },
      shown: ['unreachable', 'degraded'].map((state) => ({ after: 1, state })),
    },
  ],
  returns: [{ outage: 'refused', ownRegionUsedAfter: 1, shownHealthyAfter: {} }],
}

describe('a run', () => {
  test('in which only those without a replica are refused, for the outage, is as it must be', () => {
    expect(problemsOf(good)).toEqual([])
  })

  test.each([
    ['a tenant with a replica is refused', phase('refused', { 'with a replica': { [refused]: 1 } })],
    ['a tenant under the internal KMS is', phase('failing', { 'internal KMS': { [refused]: 1 } })],
    ['anybody is while no region is down', phase('before', { 'single region': { [refused]: 1 } })],
    ['an outage is told as a denial', phase('refused', { 'single region': { '424 ERR_KMS_DENIED': 1 } })],
    ['it does not end', phase('after refused', { 'single region': { [refused]: 1 } }, 61)],
  ])('in which %s is not', (_, more) => {
    expect(problemsOf({ ...good, phases: [...good.phases, more] })).toHaveLength(1)
  })

  test('in which a stand-in is never shown is not', () => {
    const shown = [{ ...good.shown[0], outage: 'refused', kind: 'with a replica' as const, shown: [] }]
    expect(problemsOf({ ...good, shown })).toEqual(['refused: with a replica: never degraded'])
  })
})

test('figures are of one phase, and of decryptions where they are of times', () => {
  const reply = (doneMs: number, answer: string, kind: 'decrypt' | 'encrypt' = 'decrypt') => {
    return { replica: 'a', kind, sentMs: doneMs - 20, doneMs, answer }
  }
  const replies = [
    reply(900, 'x'),
    reply(1_500, '200'),
    reply(3_000, refused),
    reply(4_000, '200', 'encrypt'),
  ]
  expect(figuresOf(replies, { name: 'refused', startMs: 1_000, endMs: 5_000 })).toEqual({
    ...{ requests: 3, decryptions: 2, failed: 1, failedDecryptions: 1, answers: { [refused]: 1 } },
    ...{ p50Ms: 20, p99Ms: 20, maxMs: 20, firstFailedAfter: 2, lastFailedAfter: 2 },
  })
})
