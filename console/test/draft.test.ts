// The draft of a key of one's own: everything that is in the browser's store counts as far as it has the form of a draft.
import { expect, test } from 'vitest'
import { readDraft } from '../src/bring-key/draft.ts'
import { faultsOfPlace } from '../src/bring-key/faults.ts'

test.each([
  null,
  '',
  '{',
  '[]',
  'null',
  '"x"',
  '{"step":9}',
  '{"step":"2","arn":7,"hasKey":1}',
  '{"step":1.5}',
])('from %s one begins at the first step', (text) => {
  expect(readDraft(text)).toMatchObject({ step: 1, arn: '', hasKey: true })
})

test('a draft is read again as it was', () => {
  const draft = {
    ...readDraft(null),
    step: 3,
    hasKey: false,
    arn: 'arn:aws:kms:x',
    name: '<b>"',
    account: '1',
  }
  expect(readDraft(JSON.stringify({ ...draft, more: 'members' }))).toEqual(draft)
})

test.each([
  ['arn:aws:kms:eu-west-1:123456789012:key/mrk-1', true],
  [' arn:aws-cn:kms:cn-north-1:123456789012:alias/pay ', true],
  ['arn:aws:s3:::bucket', false],
  ['arn:aws:kms:eu-west-1:12345:key/x', false],
  ['', false],
])('%j is an ARN of a key: %s', (arn, isRight) => {
  const draft = { ...readDraft(null), arn }
  expect(faultsOfPlace(draft).arn === undefined).toBe(isRight)
})

test('an account that has not 12 digits is not asked about', () => {
  const draft = { ...readDraft(null), hasKey: false }
  expect(faultsOfPlace({ ...draft, account: '12345678901' }).account).toBeDefined()
  expect(faultsOfPlace({ ...draft, account: ' 123456789012 ' })).toEqual({})
})
