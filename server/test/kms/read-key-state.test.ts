// The states of a key in AWS: those that refuse, those in which Decrypt decides, and answers that tell no state.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import { expect, test } from 'vitest'
import type { AwsCall } from '../../src/kms/aws-call.ts'
import { readKeyState } from '../../src/kms/metadata/read-key-state.ts'

const region = 'eu-west-1'
const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/00000000-0000-4000-8000-000000000000'
const kind = { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' }

const read = (answer: () => Promise<unknown>) =>
  readKeyState(answer as unknown as AwsCall, { keyArn, region }, { tenantId: 'tenant', role: undefined })

test.each([
  ['Enabled', 'usable'],
  ['Updating', 'usable'],
  ['Creating', 'usable'],
  ['Unavailable', 'usable'],
  ['SomethingNew', 'usable'],
  ['Disabled', 'refusal'],
  ['PendingDeletion', 'refusal'],
  ['PendingReplicaDeletion', 'refusal'],
  ['PendingImport', 'refusal'],
])('%s: %s', async (KeyState, expected) => {
  const seen = await read(() => Promise.resolve({ KeyMetadata: { ...kind, Arn: keyArn, KeyState } }))
  expect(seen.kind).toBe(expected)
})

test('an answer about another key is a refusal', async () => {
  const Arn = keyArn.replace('4000', '4001')
  const seen = await read(() => Promise.resolve({ KeyMetadata: { ...kind, Arn, KeyState: 'Enabled' } }))
  expect(seen).toMatchObject({ kind: 'refusal', error: { code: 'ERR_KMS_KEY_NOT_FOUND' } })
})

test.each<[ErrorCode, string]>([
  ['ERR_KMS_KEY_NOT_FOUND', 'refusal'],
  ['ERR_KMS_DENIED', 'denial'],
  ['ERR_KMS_THROTTLED', 'outage'],
  ['ERR_KMS_UNREACHABLE', 'outage'],
  ['ERR_KMS_TIMEOUT', 'outage'],
  ['ERR_KMS_BUDGET', 'outage'],
  ['ERR_KMS_CREDENTIALS', 'outage'],
])('%s tells: %s', async (code, expected) => {
  expect((await read(() => Promise.reject(new KeyholdError(code)))).kind).toBe(expected)
})
