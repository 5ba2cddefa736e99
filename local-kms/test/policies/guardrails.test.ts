// Refusals name the type of the policy that refused, in AWS's words. Each type is switched on for one principal.
import { EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { afterEach, expect, test } from 'vitest'
import type { NewGuardrails } from '../../src/index.ts'
import { bytes, createKey, ownerAccount, refusal, strangerAccount } from '../kms-under-test.ts'
import { allow, by, deny, document, roleArn, startKmsWith } from '../principals-under-test.ts'

const platform = roleArn(strangerAccount, 'platform')
const named = `arn:aws:iam::${ownerAccount}:user/named`
const { kms, clientOf } = await startKmsWith({
  PLATFORM: { arn: platform, policy: document(allow(['kms:*', 'sts:*'])) },
  NAMED: { arn: named },
  FROMFILE: {
    arn: roleArn(strangerAccount, 'from-file'),
    policy: document(allow('kms:*')),
    guardrails: { permissionsBoundary: document(allow('s3:*')) },
  },
})
const admin = kms.client()
const Policy = JSON.stringify(
  document(allow('kms:*', by(ownerAccount)), allow('kms:*', by(strangerAccount)), allow('kms:*', by(named))),
)
const key = await createKey(admin, { Policy })
const encrypt = (name: string) =>
  clientOf(name).send(new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') }))
const everybody = { Principal: '*' }

afterEach(() => {
  for (const arn of [platform, named]) kms.guardrails.delete(arn)
})

type PolicyType = Exclude<keyof NewGuardrails, 'conditionKeys' | 'policyArns' | 'identity'>
const words: [PolicyType, string, string][] = [
  ['serviceControl', 'a service control policy', 'no service control policy'],
  ['resourceControl', 'a resource control policy', 'no resource control policy'],
  ['permissionsBoundary', 'a permissions boundary', 'no permissions boundary'],
  ['session', 'a session policy', 'no session policy'],
  ['vpcEndpoint', 'a VPC endpoint policy', 'no VPC endpoint policy'],
]
const principalOf = (type: PolicyType) =>
  type === 'resourceControl' || type === 'vpcEndpoint' ? everybody : {}

test.each([
  ...words.slice(0, 4).map(([type, one]) => [type, one] as const),
  ['identity', 'an identity-based policy'] as const,
])('%s: the ARN of the policy that denies is added where AWS tells it', async (type, one) => {
  const arn = `arn:aws:iam::${strangerAccount}:policy/denying`
  const principal = type === 'resourceControl' ? everybody : {}
  kms.guardrails.put(platform, {
    [type]: document(allow('*', principal), deny('kms:Encrypt', principal)),
    policyArns: { [type]: arn },
  })
  expect((await refusal(encrypt('PLATFORM'))).message).toMatch(`with an explicit deny in ${one}: ${arn}`)
})

test.each(words)('%s: a deny and a missing allow are named', async (type, one, none) => {
  const opening = `User: ${platform} is not authorized to perform: kms:Encrypt on resource: ${key.arn}`
  const put = (...statements: object[]) => {
    kms.guardrails.put(platform, { [type]: document(...statements) })
  }
  await encrypt('PLATFORM')
  put(allow('*', principalOf(type)), deny('kms:Encrypt', principalOf(type)))
  expect(await refusal(encrypt('PLATFORM'))).toStrictEqual({
    name: 'AccessDeniedException',
    message: `${opening} with an explicit deny in ${one}`,
    status: 400,
  })
  put(allow('kms:Decrypt', principalOf(type)))
  expect((await refusal(encrypt('PLATFORM'))).message).toBe(
    `${opening} because ${none} allows the kms:Encrypt action`,
  )
  put(allow('kms:*', principalOf(type)))
  await encrypt('PLATFORM')
  kms.guardrails.delete(platform)
  await encrypt('PLATFORM')
})

test('policies of an organisation that only deny stand beside the one that allows everything', async () => {
  kms.guardrails.put(platform, {
    serviceControl: document(deny('kms:Decrypt')),
    resourceControl: document(deny('kms:Decrypt', everybody)),
  })
  await encrypt('PLATFORM')
})

test('a key policy that names the principal itself stands above its boundary, but not above a deny', async () => {
  kms.guardrails.put(named, { permissionsBoundary: document(allow('s3:*')) })
  await encrypt('NAMED')
  kms.guardrails.put(named, { permissionsBoundary: document(deny('kms:*')) })
  expect((await refusal(encrypt('NAMED'))).message).toContain(
    'with an explicit deny in a permissions boundary',
  )
})

test('the identity policy of an administrator is replaced', async () => {
  const root = `arn:aws:iam::${strangerAccount}:root`
  const call = () =>
    kms
      .client({ accessKeyId: strangerAccount })
      .send(new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') }))
  await call()
  kms.guardrails.put(root, { identity: document(allow('kms:*'), deny('kms:Encrypt')) })
  expect((await refusal(call())).message).toContain('with an explicit deny in an identity-based policy')
  kms.guardrails.put(root, { identity: document(allow('s3:*')) })
  expect((await refusal(call())).message).toContain('because no identity-based policy allows')
  kms.guardrails.delete(root)
  await call()
})

test('guardrails limit calls without a key, and come with the principals file', async () => {
  expect((await refusal(encrypt('FROMFILE'))).message).toContain('because no permissions boundary allows')
  kms.guardrails.put(platform, { serviceControl: document(deny('kms:ListKeys')) })
  expect((await refusal(clientOf('PLATFORM').send(new ListKeysCommand({})))).message).toContain(
    'kms:ListKeys on resource: * with an explicit deny in a service control policy',
  )
})

test('a session has the policy that it was started with', async () => {
  const arn = roleArn(ownerAccount, 'limited')
  const trust = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: ownerAccount } })
  kms.roles.put({ arn, trust, policy: document(allow('kms:*')) })
  const { Credentials } = await kms.stsClient().send(
    new AssumeRoleCommand({
      RoleArn: arn,
      RoleSessionName: 'test',
      Policy: JSON.stringify(document(allow('kms:Decrypt'))),
    }),
  )
  const session = kms.client({
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  })
  const call = session.send(new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') }))
  expect((await refusal(call)).message).toContain('because no session policy allows the kms:Encrypt action')
})

test('AssumeRole names a policy of the caller’s own side', async () => {
  const arn = roleArn(ownerAccount, 'trusting')
  kms.roles.put({
    arn,
    trust: document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: platform } }),
  })
  const sts = kms.stsClient({ accessKeyId: 'PLATFORM', secretAccessKey: 'secret of PLATFORM' })
  const assume = () => sts.send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'test' }))
  await assume()
  kms.guardrails.put(platform, { serviceControl: document(deny('sts:*')) })
  await expect(assume()).rejects.toMatchObject({
    name: 'AccessDenied',
    message: `User: ${platform} is not authorized to perform: sts:AssumeRole on resource: ${arn} with an explicit deny in a service control policy`,
  })
})

test('guardrails are put and deleted over HTTP', async () => {
  const path = `guardrails/${encodeURIComponent(platform)}`
  const body = { serviceControl: document(deny('kms:*')) }
  expect((await kms.control('PUT', path, body)).status).toBe(201)
  expect((await refusal(encrypt('PLATFORM'))).message).toContain('service control policy')
  expect((await kms.control('DELETE', path)).status).toBe(204)
  await encrypt('PLATFORM')
  for (const wrong of [
    { serviceControls: {} },
    { serviceControl: {} },
    { conditionKeys: { a: 1 } },
    { policyArns: { a: 'x' } },
  ]) {
    expect((await kms.control('PUT', path, wrong)).status).toBe(400)
  }
})
