// Whose answer about a KEK holds for whom, and who waits for it.
import { expect, test } from 'vitest'
import { createProvenKeks } from '../../src/health/proven-keks.ts'
import type { DueProbe } from '../../src/store/key-probes.ts'

const seconds = 60
const due = (tenantId: string, change: Partial<DueProbe> = {}): DueProbe => ({
  ...{ tenantId, fingerprint: 'kek', keyArn: 'arn', urgency: 'healthy', failures: 0, claim: '' },
  ...{ wrap: undefined, role: undefined, replicaRegions: [], isOpenToAll: true, hasAlias: false },
  known: [
    { region: 'eu-west-1', state: 'healthy', isContradicted: false, isShutByLook: false, ageMs: 60_000 },
  ],
  ...change,
})
const role = { arn: 'arn:aws:iam::222222222222:role/keyhold', externalId: 'external' }

test('one answer holds for all whom the policy lets in without a role, and they wait for it', () => {
  const keks = createProvenKeks(() => 0)
  expect(keks.begin(due('one'), seconds)).toBe(0)
  expect(keks.begin(due('two'), seconds)).toBe(5)
  keks.end(due('one'), true)
  expect(keks.begin(due('two'), seconds)).toBe(60)
  for (const change of [{ role }, { isOpenToAll: false }, { urgency: 'unhealthy' as const }])
    expect(keks.begin(due('three', change), seconds)).toBe(0)
})

test('nobody waits for an answer that holds for one tenant alone, and it proves nothing', () => {
  const keks = createProvenKeks(() => 0)
  const alone = due('alone', { role })
  expect(keks.begin(alone, seconds)).toBe(0)
  expect(keks.begin(due('one'), seconds)).toBe(0)
  keks.end(alone, true)
  expect(keks.begin(due('two'), seconds)).toBe(5)
  keks.end(due('one'), true)
  expect(keks.begin(alone, seconds)).toBe(0)
  keks.end(alone, false)
  expect(keks.begin(due('two'), seconds)).toBe(0)
})
