// The regions in which a probe reads the state of a key: one reading is enough for all tenants under a key, and for no longer than
// half of the time between two probes.
import { expect, test } from 'vitest'
import { regionsToLookAt } from '../../src/health/regions-to-probe.ts'
import { createSeenKeyStates } from '../../src/health/seen-key-states.ts'
import type { DueProbe } from '../../src/store/key-probes.ts'

let nowMs = 0
const healthySeconds = 50
const seenStates = createSeenKeyStates(() => nowMs)
const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000000'

const looks = (tenantId: string, urgency: DueProbe['urgency'] = 'healthy') =>
  regionsToLookAt({ recorder: { answeredAgeMs: () => 0 }, seenStates, healthySeconds }, {
    ...{ tenantId, urgency, keyArn, replicaRegions: ['eu-west-3'] },
  } as DueProbe)

test('one reading is enough for every tenant under the key, for a while, unless something is wrong', () => {
  expect(looks('one')).toEqual(['eu-west-1', 'eu-west-3'])
  seenStates.saw(keyArn, 'eu-west-1', true)
  expect(looks('two')).toEqual(['eu-west-3'])
  seenStates.saw(keyArn, 'eu-west-3', true)
  nowMs = 24_999
  expect(looks('two')).toEqual([])
  expect(looks('two', 'hastened')).toEqual(['eu-west-1', 'eu-west-3'])
  nowMs = 25_000
  expect(looks('one')).toEqual(['eu-west-1', 'eu-west-3'])
})

test('after a refusal each tenant looks for itself', () => {
  nowMs = 100_000
  seenStates.saw(keyArn, 'eu-west-1', true)
  seenStates.saw(keyArn, 'eu-west-1', false)
  expect(looks('one')).toContain('eu-west-1')
})
