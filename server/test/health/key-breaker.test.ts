// The breaker: few calls at a time for each key, none for a moment after outages, and never another answer than the KMS's.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import { beforeEach, expect, test } from 'vitest'
import { createKeyBreaker, type KeyBreaker } from '../../src/health/key-breaker.ts'

let nowMs: number
let breaker: KeyBreaker
let sent: number
beforeEach(() => {
  nowMs = 1_000
  sent = 0
  breaker = createKeyBreaker(() => nowMs, { first: 1_000, max: 4_000 })
})

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: unknown) => (error as KeyholdError).code,
  )
/** A call that the KMS answers so, a moment later. */
const call = (key: string, code?: ErrorCode) =>
  codeOf(
    breaker.call(key, async () => {
      sent += 1
      nowMs += 1
      await Promise.resolve()
      if (code !== undefined) throw new KeyholdError(code)
    }),
  )
const hang = () => {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const send = () => {
    sent += 1
    return promise
  }
  return { send, resolve, reject }
}

test('calls of one key run four at a time, and another key does not wait for them', async () => {
  const { send, resolve } = hang()
  const hanging = Array.from({ length: 10 }, () => codeOf(breaker.call('a', send)))
  await Promise.resolve()
  expect([breaker.running('a'), sent]).toEqual([4, 4])
  expect(await call('b')).toBe('answered')
  resolve('done')
  expect(await Promise.all(hanging)).toEqual(Array(10).fill('answered'))
  expect([breaker.running(), sent]).toEqual([0, 11])
})

test('after two outages in a row nothing is sent for a second, and the answer is the outage; then one call is', async () => {
  expect(await call('a', 'ERR_KMS_TIMEOUT')).toBe('ERR_KMS_TIMEOUT')
  expect(await call('a', 'ERR_KMS_UNREACHABLE')).toBe('ERR_KMS_UNREACHABLE')
  expect([await call('a'), sent]).toEqual(['ERR_KMS_UNREACHABLE', 2])
  expect(await call('b')).toBe('answered')

  nowMs += 1_001
  const { send, resolve } = hang()
  const trial = codeOf(breaker.call('a', send))
  expect([await call('a'), breaker.running('a')]).toEqual(['ERR_KMS_UNREACHABLE', 1])
  resolve('back')
  expect(await trial).toBe('answered')
  expect(await call('a')).toBe('answered')
})

test('those who wait for their turn are told of the outage, and calls side by side meet one outage together', async () => {
  const first = hang()
  const running = Array.from({ length: 4 }, () => codeOf(breaker.call('a', first.send)))
  await Promise.resolve()
  nowMs += 1
  first.reject(new KeyholdError('ERR_KMS_TIMEOUT'))
  expect(await Promise.all(running)).toEqual(Array(4).fill('ERR_KMS_TIMEOUT'))
  const second = hang()
  const more = Array.from({ length: 9 }, () => codeOf(breaker.call('a', second.send)))
  await Promise.resolve()
  expect(sent).toBe(8)
  nowMs += 1
  second.reject(new KeyholdError('ERR_KMS_THROTTLED'))
  expect(await Promise.all(more)).toEqual(Array(9).fill('ERR_KMS_THROTTLED'))
  expect(sent).toBe(8)
})

test('a denial ends outages, and pauses nothing however often it comes', async () => {
  await call('a', 'ERR_KMS_TIMEOUT')
  for (let round = 0; round < 5; round++) expect(await call('a', 'ERR_KMS_DENIED')).toBe('ERR_KMS_DENIED')
  expect(await call('a', 'ERR_KMS_TIMEOUT')).toBe('ERR_KMS_TIMEOUT')
  expect(await call('a')).toBe('answered')
  expect(sent).toBe(8)
})

test('a call that was not sent for want of budget says nothing about the key, good or bad', async () => {
  for (let round = 0; round < 3; round++) expect(await call('a', 'ERR_KMS_BUDGET')).toBe('ERR_KMS_BUDGET')
  expect(await call('a', 'ERR_KMS_TIMEOUT')).toBe('ERR_KMS_TIMEOUT')
  expect(await call('a', 'ERR_KMS_BUDGET')).toBe('ERR_KMS_BUDGET')
  expect(await call('a', 'ERR_KMS_TIMEOUT')).toBe('ERR_KMS_TIMEOUT')
  // The pause that two outages in a row begin; the refusal between them has not ended the row.
  expect([await call('a'), sent]).toEqual(['ERR_KMS_TIMEOUT', 6])
})
