import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  errorCodes,
  errorSummary,
  isErrorOfKind,
  isKeyholdError,
  isKeyStoreOutage,
  isPolicyDenial,
  isRetryable,
  KeyholdError,
  kindOf,
} from '../src/errors.ts'

describe.each(errorCodes)('%s', (code) => {
  test('has the shape of a code', () => {
    expect(code).toMatch(/^(ERR_[A-Z0-9_]+|Encryption-88|HTTP-429|CSRF-TOKEN-[24])$/)
  })

  test('has a summary of one sentence, which is the message of its errors', () => {
    expect(errorSummary(code)).toMatch(/^[A-Z][^\n]{10,120}\.$/)
    expect(new KeyholdError(code).message).toBe(errorSummary(code))
  })

  test('says whether it is retryable', () => {
    expect(typeof isRetryable(code)).toBe('boolean')
  })
})

test('codes and summaries are unique', () => {
  expect(new Set(errorCodes).size).toBe(errorCodes.length)
  expect(new Set(errorCodes.map(errorSummary)).size).toBe(errorCodes.length)
})

test('errors that the data or the caller causes are not retryable', () => {
  const final = ['ERR_DECRYPTION_FAILED', 'ERR_TOKEN_INVALID', 'ERR_KEY_INTEGRITY', 'ERR_KMS_DENIED'] as const
  expect(final.map(isRetryable)).toEqual([false, false, false, false])
  expect((['ERR_KMS_THROTTLED', 'ERR_KMS_TIMEOUT', 'ERR_SEALED'] as const).map(isRetryable)).toEqual([
    true,
    true,
    true,
  ])
})

describe('what an error says about a key', () => {
  test('has four kinds; some denials come from a policy, and only an outage passes by itself', () => {
    const ofKind = (kind: string) => errorCodes.filter((code) => kindOf(code) === kind)
    expect(new Set(errorCodes.map(kindOf))).toEqual(new Set(['denial', 'damage', 'outage', 'ours']))
    expect(ofKind('denial').filter(isPolicyDenial)).toEqual([
      'Encryption-88',
      'ERR_KMS_DENIED',
      'ERR_KMS_EXTERNAL_KEY_DENIED',
    ])
    expect(errorCodes.filter((code) => isKeyStoreOutage(code) && kindOf(code) !== 'outage')).toEqual([])
    expect(errorCodes.filter((code) => isPolicyDenial(code) && kindOf(code) !== 'denial')).toEqual([])
    expect(ofKind('outage').every(isRetryable)).toBe(true)
    expect([...ofKind('denial'), ...ofKind('damage')].some(isRetryable)).toBe(false)
  })

  test('of a code that only a newer version knows is a denial', () => {
    expect(kindOf('ERR_OF_A_NEWER_VERSION')).toBe('denial')
    expect(kindOf('toString')).toBe('denial')
  })

  test('is asked of anything that was thrown', () => {
    const error = new KeyholdError('ERR_KMS_TIMEOUT')
    expect(isErrorOfKind(error, 'outage')).toBe(true)
    expect(isErrorOfKind(error, 'denial', 'damage', 'ours')).toBe(false)
    expect(isErrorOfKind(error, 'denial', 'outage')).toBe(true)
    expect(isErrorOfKind(Object.assign(new Error('x'), { code: 'ERR_KMS_TIMEOUT' }), 'outage')).toBe(false)
  })
})

describe('a KeyholdError', () => {
  test('is an Error with a name, a code, a stack and no details', () => {
    const error = new KeyholdError('ERR_SEALED')
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'KeyholdError', code: 'ERR_SEALED', details: {} })
    expect(error.stack).toContain('errors.test')
  })

  test('takes a message, details and a cause', () => {
    const cause = new Error('below')
    const error = new KeyholdError('ERR_SEALED', { message: 'Not now.', details: { region: 'x' }, cause })
    expect(error).toMatchObject({ message: 'Not now.', details: { region: 'x' } })
    expect(error.cause).toBe(cause)
  })

  test('has no cause, not even an undefined one, when none is given', () => {
    expect(Object.hasOwn(new KeyholdError('ERR_SEALED'), 'cause')).toBe(false)
    expect(inspect(new KeyholdError('ERR_SEALED'))).not.toContain('[cause]')
  })

  test('never puts its cause into its message', () => {
    expect(new KeyholdError('ERR_SEALED', { cause: new Error('canary') }).message).not.toContain('canary')
  })

  test('is recognised by its code', () => {
    const error = new KeyholdError('ERR_SEALED')
    expect(isKeyholdError(error)).toBe(true)
    expect(isKeyholdError(error, 'ERR_SEALED')).toBe(true)
    expect(isKeyholdError(error, 'ERR_INTERNAL', 'ERR_SEALED')).toBe(true)
    expect(isKeyholdError(error, 'ERR_INTERNAL')).toBe(false)
  })

  test.each([new Error('x'), { code: 'ERR_SEALED' }, null, undefined, 'ERR_SEALED'])('is not %s', (other) => {
    expect(isKeyholdError(other)).toBe(false)
    expect(isKeyholdError(other, 'ERR_SEALED')).toBe(false)
  })
})
