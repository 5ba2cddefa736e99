// The judgement of a region that was down.
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
  test('is good when only tenants without a replica are refused, and only during the outage', () => {
    expect(problemsOf(good)).toEqual([])
  })

  test.each([
    ['a tenant with a replica is refused', phase('refused', { 'with a replica': { [refused]: 1 } })],
    ['a tenant under the internal KMS is refused', phase('failing', { 'internal KMS': { [refused]: 1 } })],
    ['a tenant is refused while no region is down', phase('before', { 'single region': { [refused]: 1 } })],
    ['an outage is answered as a denial', phase('refused', { 'single region': { '424 ERR_KMS_DENIED': 1 } })],
    ['the refusals do not end', phase('after refused', { 'single region': { [refused]: 1 } }, 61)],
  ])('is bad when %s', (_, more) => {
    expect(problemsOf({ ...good, phases: [...good.phases, more] })).toHaveLength(1)
  })

  test('is bad when a key that another region stands in for is never shown as degraded', () => {
    const shown = [{ ...good.shown[0], outage: 'refused', kind: 'with a replica' as const, shown: [] }]
    expect(problemsOf({ ...good, shown })).toEqual(['refused: with a replica: never degraded'])
  })
})

test('figures count the replies of one phase, and their times those of decryptions', () => {
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
