// The state that is shown of a key after one more answer.
import { expect, test } from 'vitest'
import { keyHealthOf } from '../../src/health/key-health.ts'
import { keyStateOf, nextKeyState, observedHealthy, type KeyObservation } from '../../src/health/key-state.ts'
import type { KeyHealthRow } from '../../src/store/key-health.ts'

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))
const seen = (code: Parameters<typeof keyStateOf>[0]): KeyObservation => ({
  state: keyStateOf(code) ?? 'healthy',
  code,
  action: 'Decrypt',
})
const denied = seen('ERR_KMS_DENIED')
const disabled = seen('ERR_KMS_KEY_DISABLED')
const away = seen('ERR_KMS_TIMEOUT')
const pendingImport = seen('ERR_KMS_KEY_PENDING_IMPORT')
const ourCredentials = seen('ERR_KMS_CREDENTIALS')
const throttled = seen('ERR_KMS_THROTTLED')

/** The states that are shown after each of the answers, which come second by second. */
function shown(...answers: KeyObservation[]): string[] {
  let known: ReturnType<typeof nextKeyState>
  return answers.map((answer, second) => {
    known = nextKeyState(known, answer, at(second)) ?? known
    return `${known?.state} since ${known?.since.getUTCSeconds()}`
  })
}

test.each([
  ['a refusal at once', [observedHealthy, denied], ['healthy since 0', 'denied since 1']],
  ['another refusal at once', [denied, disabled], ['denied since 0', 'disabled since 1']],
  [
    'a recovery after two equal answers',
    [denied, observedHealthy, observedHealthy, observedHealthy],
    ['denied since 0', 'denied since 0', 'healthy since 2', 'healthy since 2'],
  ],
  [
    'mixed answers as the refusal that is among them',
    [denied, observedHealthy, denied, observedHealthy, denied],
    Array(5).fill('denied since 0'),
  ],
  [
    'an outage after two equal answers',
    [observedHealthy, away, away],
    ['healthy since 0', 'healthy since 0', 'unreachable since 2'],
  ],
  ['a mishap not at all', [observedHealthy, away, observedHealthy, away], Array(4).fill('healthy since 0')],
  ['no outage instead of a refusal', [denied, away, away, throttled], Array(4).fill('denied since 0')],
  [
    'a refusal instead of an outage, at once',
    [away, away, denied],
    ['unreachable since 0', 'unreachable since 0', 'denied since 2'],
  ],
  [
    "no fault of Keyhold's own instead of a refusal, although both are shown alike",
    [pendingImport, ourCredentials, ourCredentials],
    Array(3).fill('misconfigured since 0'),
  ],
  [
    "a refusal instead of a fault of Keyhold's own, at once and from then on",
    [ourCredentials, ourCredentials, pendingImport],
    ['misconfigured since 0', 'misconfigured since 0', 'misconfigured since 2'],
  ],
])('shows %s', (_name, answers, states) => {
  expect(shown(...answers)).toEqual(states)
})

test("a refusal that a fault of Keyhold's own follows keeps its code, by which other regions may not stand in", () => {
  const refused = nextKeyState(undefined, pendingImport, at(0))
  expect(nextKeyState(refused, ourCredentials, at(1))).toBeUndefined()
  const fault = nextKeyState(undefined, ourCredentials, at(0))
  expect(nextKeyState(fault, pendingImport, at(1))?.code).toBe('ERR_KMS_KEY_PENDING_IMPORT')
})

test.each(['ERR_KMS_INVALID_CIPHERTEXT', 'ERR_KEY_INTEGRITY', 'ERR_ROLE_WITHOUT_EXTERNAL_ID'] as const)(
  'a denial keeps its code when %s follows, and gives way when the key is healthy or denied in another way',
  (code) => {
    const later = seen(code)
    const refused = nextKeyState(undefined, denied, at(0))
    expect(nextKeyState(refused, later, at(1))).toBeUndefined()
    expect(nextKeyState(refused, disabled, at(1))?.code).toBe('ERR_KMS_KEY_DISABLED')
    // An answer between two good ones does not keep them from confirming each other.
    const contradicted = nextKeyState(refused, observedHealthy, at(1))
    expect(nextKeyState(contradicted, later, at(2))).toBeUndefined()
    const healthy = nextKeyState(contradicted, observedHealthy, at(3))
    expect(healthy?.state).toBe('healthy')
    expect(nextKeyState(healthy, later, at(4))?.code).toBe(code)
    expect(nextKeyState(nextKeyState(healthy, later, at(4)), denied, at(5))?.code).toBe('ERR_KMS_DENIED')
  },
)

test("no outage's code leads to a state of destruction or denial, and no refusal's to an outage", () => {
  for (const code of [
    'ERR_KMS_THROTTLED',
    'ERR_KMS_TIMEOUT',
    'ERR_KMS_UNREACHABLE',
    'ERR_KMS_FAILED',
  ] as const)
    expect(['throttled', 'unreachable']).toContain(keyStateOf(code))
  for (const code of [
    'ERR_KMS_DENIED',
    'ERR_KMS_KEY_DISABLED',
    'ERR_KMS_KEY_PENDING_DELETION',
    'ERR_KMS_KEY_NOT_FOUND',
    'Encryption-88',
  ] as const)
    expect(['denied', 'disabled', 'pendingDeletion', 'notFound']).toContain(keyStateOf(code))
})

test('a region stands in only where it has answered since the own one went away', () => {
  const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000001'
  const row = (region: string, observation: KeyObservation, second: number): KeyHealthRow => ({
    ...{ tenantId: 't', fingerprint: 'f', region, candidateState: undefined, policy: undefined },
    ...{ ...observation, since: at(second), checkedAt: at(second) },
  })
  const healthAfter = (own: KeyObservation, second: number) =>
    keyHealthOf(keyArn, [row('eu-west-3', observedHealthy, second), row('eu-west-1', own, 5)])
  expect(healthAfter(away, 6)).toMatchObject({
    state: 'degraded',
    regions: [{ region: 'eu-west-1', state: 'unreachable' }, {}],
  })
  expect(healthAfter(away, 4)?.state).toBe('unreachable')
  expect(healthAfter(denied, 6)?.state).toBe('denied')
  expect(keyHealthOf(keyArn, [row('eu-west-3', observedHealthy, 1)])).toBeUndefined()
})
