// Refusals by each type of policy, of Keyhold's own principal and of the role of a customer, as AWS KMS and AWS STS word them.
import { isKeyholdError, type CustomerRole, type KeyholdError } from '@keyhold/core'
import { afterEach, expect, test } from 'vitest'
import { customerAccount, keyholdAccount } from '../../../testkit/src/server/start-test-server.ts'
import type { KmsCall } from '../../src/kms/kms-call.ts'
import { ref, region, startAws } from './aws-under-test.ts'

const { local, adapter, createKey } = await startAws()
const keyArn = await createKey()
const calls: KmsCall[] = []
const own = `arn:aws:iam::${keyholdAccount}:root`
const roleArn = `arn:aws:iam::${customerAccount}:role/for-keyhold`
const allowAll = { Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }
const trust = { Statement: { Effect: 'Allow', Principal: { AWS: own }, Action: 'sts:AssumeRole' } }
local.roles.put({ arn: roleArn, trust, policy: allowAll })

const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
const settings = { endpoint: local.url, credentials, onCall: (call: KmsCall) => calls.push(call) }
const asItself = adapter(settings)
const role: CustomerRole = { arn: roleArn, externalId: 'external' }
const throughRole = () =>
  adapter({ ...settings, findKeyAccess: () => Promise.resolve({ role, replicaRegions: [] }) })

const { wrapped } = await asItself.createTenantKey(keyArn, ref)

afterEach(() => {
  for (const arn of [own, roleArn]) local.guardrails.delete(arn)
  calls.length = 0
})

async function refusal(aws: ReturnType<typeof adapter>): Promise<KeyholdError> {
  const outcome: unknown = await aws.unwrapTenantKey(keyArn, wrapped, ref).catch((error: unknown) => error)
  if (!isKeyholdError(outcome)) throw new Error('it was allowed', { cause: outcome })
  return outcome
}

const deny = (Action: string) => ({ Statement: { Effect: 'Deny', Action, Resource: '*' } })
const withPrincipal = (Action: string) => ({
  Statement: { Effect: 'Deny', Principal: '*', Action, Resource: '*' },
})
const policyArns = {
  serviceControl: 'arn:aws:organizations::111111111111:policy/o-1/service_control_policy/p-1',
}
const allowNothing = { Statement: { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' } }

test.each([
  ['identity', { identity: deny('kms:Decrypt') }],
  ['identity', { identity: allowNothing }],
  ['serviceControl', { serviceControl: deny('kms:Decrypt'), policyArns }],
  ['serviceControl', { serviceControl: allowNothing }],
  ['permissionsBoundary', { permissionsBoundary: allowNothing }],
  ['session', { session: deny('kms:Decrypt') }],
  ['vpcEndpoint', { vpcEndpoint: withPrincipal('kms:Decrypt') }],
])(
  'by the %s policy: Keyhold’s own is ours, that of the customer’s role the customer’s',
  async (policy, guardrails) => {
    local.guardrails.put(own, guardrails)
    expect(await refusal(asItself)).toMatchObject({
      code: 'ERR_KMS_OWN_POLICY',
      details: { action: 'Decrypt', region, policy },
    })
    expect(calls.at(-1)).toMatchObject({
      outcome: 'ERR_KMS_OWN_POLICY',
      ownRefusal: { policy, action: 'Decrypt' },
    })
    local.guardrails.delete(own)

    const customers = throughRole()
    expect(await customers.unwrapTenantKey(keyArn, wrapped, ref)).toBeDefined()
    local.guardrails.put(roleArn, guardrails)
    expect(await refusal(customers)).toMatchObject({
      code: 'ERR_KMS_DENIED',
      details: { action: 'Decrypt', region, policy },
    })
    expect(calls.at(-1)?.ownRefusal).toBeUndefined()
  },
)

test('by a resource control policy: the customer’s in both cases', async () => {
  for (const [arn, aws] of [[own, asItself] as const, [roleArn, throughRole()] as const]) {
    local.guardrails.put(arn, { resourceControl: withPrincipal('kms:Decrypt') })
    expect(await refusal(aws)).toMatchObject({
      code: 'ERR_KMS_DENIED',
      message: 'AWS names a resource control policy, not the key policy, that does not allow Decrypt.',
      details: { policy: 'resourceControl' },
    })
  }
})

test('AssumeRole: Keyhold’s own policy is ours, the trust of the role is the customer’s', async () => {
  local.guardrails.put(own, { serviceControl: deny('sts:AssumeRole') })
  expect(await refusal(throughRole())).toMatchObject({
    code: 'ERR_KMS_OWN_POLICY',
    details: { action: 'AssumeRole', policy: 'serviceControl' },
  })
  expect(calls.at(-1)?.ownRefusal).toEqual({ policy: 'serviceControl', action: 'AssumeRole' })
  local.guardrails.delete(own)
  local.roles.put({
    arn: roleArn,
    trust: { Statement: { ...trust.Statement, Effect: 'Deny' } },
    policy: allowAll,
  })
  expect(await refusal(throughRole())).toMatchObject({
    code: 'ERR_KMS_DENIED',
    details: { action: 'AssumeRole' },
  })
  local.roles.put({ arn: roleArn, trust, policy: allowAll })
})

test('without AWS STS nobody says who Keyhold is: the same words are the customer’s', async () => {
  local.guardrails.put(own, { serviceControl: deny('kms:Decrypt') })
  const withoutSts = adapter({ ...settings, stsEndpoint: 'http://127.0.0.1:1' })
  expect(await refusal(withoutSts)).toMatchObject({ code: 'ERR_KMS_DENIED' })
})

test('a registration is told of Keyhold’s own policy, and of the customer’s by its name', async () => {
  const inspect = (aws: ReturnType<typeof adapter>) =>
    aws.inspectKey(keyArn, ref.tenantId).catch((error: unknown) => error)
  local.guardrails.put(own, { permissionsBoundary: allowNothing })
  expect(await inspect(asItself)).toMatchObject({
    code: 'ERR_KMS_OWN_POLICY',
    message:
      "A policy of Keyhold's own AWS account, a permissions boundary, does not let Keyhold call DescribeKey.",
  })
  local.guardrails.delete(own)
  local.guardrails.put(roleArn, { serviceControl: deny('kms:GenerateDataKey') })
  expect(await inspect(throughRole())).toMatchObject({
    code: 'Encryption-88',
    message: `Not the policy of the provided key, but a service control policy, does not allow the required action [${region}] [GenerateDataKey].`,
  })
})
