// Policy documents that are refused, and some that are accepted.
import { PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import { createKey, ownerAccount, refusal, startKms } from '../kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const { keyId } = await createKey(client)

const statement = { Effect: 'Allow', Principal: { AWS: ownerAccount }, Action: 'kms:*', Resource: '*' }
const put = (policy: unknown, bypass = false) =>
  client.send(
    new PutKeyPolicyCommand({
      KeyId: keyId,
      Policy: typeof policy === 'string' ? policy : JSON.stringify(policy),
      BypassPolicyLockoutSafetyCheck: bypass,
    }),
  )
const withStatement = (change: object) => ({ Statement: { ...statement, ...change } })

test.each<[string, unknown]>([
  ['no JSON', '{'],
  ['no object', '[]'],
  ['no statement', {}],
  ['an empty list of statements', { Statement: [] }],
  ['an unknown version', { Version: '2025-01-01', Statement: statement }],
  ['an unknown field', { Statement: statement, Extra: 1 }],
  ['an unknown field in a statement', withStatement({ Resources: '*' })],
  ['no effect', withStatement({ Effect: undefined })],
  ['a misspelt effect', withStatement({ Effect: 'allow' })],
  ['no principal', withStatement({ Principal: undefined })],
  ['a principal and its opposite', withStatement({ NotPrincipal: '*' })],
  ['an Allow for all but some', withStatement({ Principal: undefined, NotPrincipal: { AWS: ownerAccount } })],
  [
    'a principal with a wildcard',
    withStatement({ Principal: { AWS: `arn:aws:iam::${ownerAccount}:role/*` } }),
  ],
  ['a principal that is no ARN', withStatement({ Principal: { AWS: 'somebody' } })],
  ['an unknown type of principal', withStatement({ Principal: { Aws: ownerAccount } })],
  ['no action', withStatement({ Action: [] })],
  ['an unknown action', withStatement({ Action: 'kms:Encypt' })],
  ['an action of another service', withStatement({ Action: 's3:GetObject' })],
  ['an action that is no text', withStatement({ Action: { a: 1 } })],
  ['no resource', withStatement({ Resource: undefined })],
  [
    'an unknown operator',
    withStatement({ Condition: { StringSame: { 'kms:CallerAccount': ownerAccount } } }),
  ],
  ['an address that is none', withStatement({ Condition: { IpAddress: { 'aws:SourceIp': 'here' } } })],
  [
    'a range that is too narrow',
    withStatement({ Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } }),
  ],
  [
    'a number that is none',
    withStatement({ Condition: { NumericEquals: { 'kms:RotationPeriodInDays': 'many' } } }),
  ],
  ['a date that is none', withStatement({ Condition: { DateLessThan: { 'aws:CurrentTime': 'tomorrow' } } })],
])('%s is refused', async (_, policy) => {
  expect(await refusal(put(policy, true))).toMatchObject({
    name: 'MalformedPolicyDocumentException',
    status: 400,
  })
})

test.each<[string, object]>([
  ['a list of statements, an Id and Sids', { Id: 'x', Statement: [{ ...statement, Sid: 'y' }] }],
  ['actions that local-kms does not carry out', withStatement({ Action: ['kms:CreateGrant', 'kms:*'] })],
  [
    'a service principal besides',
    withStatement({ Principal: { AWS: ownerAccount, Service: 'ebs.amazonaws.com' } }),
  ],
])('%s is accepted', async (_, policy) => {
  await put(policy)
})

test('a policy that locks its author out is refused unless the check is bypassed', async () => {
  const locked = withStatement({ Action: 'kms:Encrypt' })
  expect(await refusal(put(locked))).toStrictEqual({
    name: 'MalformedPolicyDocumentException',
    message: 'The new key policy will not allow you to update the key policy in the future.',
    status: 400,
  })
  await put(locked, true)
  expect((await refusal(put({ Statement: statement }))).name).toBe('AccessDeniedException')
})
