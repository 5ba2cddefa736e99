// The judgement of a trial of a revocation.
import { describe, expect, test } from 'vitest'
import { judgeTrial, type TrialRules } from '../src/revocation/judge-trial.ts'
import { summarise } from '../src/revocation/summarise.ts'
import type { Reply } from '../src/revocation/watched-traffic.ts'

const rules: TrialRules = {
  boundMs: 10_000,
  recoveryBoundMs: 60_000,
  answers: ['424 ERR_KMS_DENIED'],
}
const times = { takenMs: 1_000, refusedMs: 2_000, returnedMs: 20_000 }

/** All kinds of requests at once, each answered after 10 ms. */
function at(sentMs: number, answer: string): Reply[] {
  return (['decrypt', 'encrypt', 'lease'] as const).map((kind) => ({
    ...{ replica: 'a', kind, sentMs, doneMs: sentMs + 10, answer },
    ...(kind === 'lease' && answer === '200' && { leaseEndMs: sentMs + 4_000 }),
  }))
}

const good = [
  ...at(900, '200'),
  ...at(2_500, '200'),
  ...at(2_800, '424 ERR_KMS_DENIED'),
  ...at(20_200, '424 ERR_KMS_DENIED'),
  ...at(21_000, '200'),
]

describe('a trial', () => {
  test('that keeps the bounds is measured from the refusal, and from the moment when the key was taken away', () => {
    expect(judgeTrial(good, times, rules)).toEqual({
      replicas: [
        { replica: 'a', closedMs: 510, closedFromTakingMs: 1_510, leaseEndMs: 4_500, openedMs: 1_010 },
      ],
      answers: { '424 ERR_KMS_DENIED': 6 },
      violations: [],
    })
  })

  test.each([
    ['a value that is decrypted after the bound', at(12_100, '200'), 'decrypt on a succeeded 10.11 s after'],
    ['a lease that ends after the bound', at(9_000, '200'), 'a lease of a ends 11.00 s after'],
    ['an outage as the answer where there is none', at(3_000, '503 ERR_KMS_TIMEOUT'), 'answered 503 ERR_KMS'],
    ['an internal error', at(3_000, '500 ERR_INTERNAL'), 'was answered 500 ERR_INTERNAL'],
    ['a refusal that does not end', at(90_000, '424 ERR_KMS_DENIED'), 'a was not open again 60.00 s after'],
  ])('does not pass with %s', (_, more, violation) => {
    expect(judgeTrial([...good, ...more], times, rules).violations.join('\n')).toContain(violation)
  })

  test('does not pass when no request was sent while the key was away', () => {
    const { violations } = judgeTrial([...at(900, '200'), ...at(21_000, '200')], times, rules)
    expect(violations).toContain('no decrypt on a was refused')
  })
})

test('a summary counts all replicas in all trials of a way', () => {
  const trial = {
    tenantId: 't',
    answers: {},
    violations: [],
    stalledMs: 0,
    slowestNeighbourMs: 0,
    firstRefusalMs: 400,
  }
  const replicas = [1_000, 3_000].map((closedMs) => ({
    ...{ replica: 'a', closedMs, closedFromTakingMs: closedMs, leaseEndMs: 0, openedMs: 500 },
  }))
  const [one, all] = summarise([
    { ...trial, way: 'disabled', replicas },
    { ...trial, way: 'disabled', replicas: [] },
  ])
  expect(one).toMatchObject({ way: 'disabled', trials: 2, closed: { min: 1, p50: 1, p99: 3, max: 3 } })
  expect(all).toMatchObject({ way: 'all keys taken away', trials: 1 })
})
