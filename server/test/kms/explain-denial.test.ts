// Whose refusal it is, by the three that must agree: who Keyhold is, by whose credentials it called, of whom AWS speaks.
import { policyName, type PolicyType } from '@keyhold/core'
import { expect, test } from 'vitest'
import { createExplainAwsError } from '../../src/kms/errors/explain-denial.ts'
import { createOwnAccount } from '../../src/kms/errors/own-account.ts'

const own = '111111111111'
const customer = '222222222222'
const region = 'eu-west-1'

function refusalBy(policy: PolicyType, account: string): Error {
  const name = policyName(policy) ?? 'a resource-based policy'
  const message = `User: arn:aws:iam::${account}:role/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:222222222222:key/x with an explicit deny in ${name}`
  return Object.assign(new Error(message), { name: 'AccessDeniedException' })
}

interface Asked {
  policy: PolicyType
  /** Of whom AWS speaks. */
  of: string
  /** Undefined: AWS STS does not say who Keyhold is. */
  known?: string | undefined
  /** The account of the role, if any. */
  role?: string
}

async function whose({ policy, of, known, role }: Asked): Promise<string> {
  const explain = createExplainAwsError(() => Promise.resolve(known))
  const error = await explain(refusalBy(policy, of), {
    ...{ action: 'Decrypt', region },
    ...(role !== undefined && { role: { arn: `arn:aws:iam::${role}:role/x`, externalId: 'e' } }),
  })
  expect(error.details).toEqual({ action: 'Decrypt', region, policy })
  expect(error.message).not.toContain('arn:')
  return error.code === 'ERR_KMS_OWN_POLICY'
    ? 'ours'
    : error.code === 'ERR_KMS_DENIED'
      ? 'theirs'
      : error.code
}

const ofCaller = ['identity', 'permissionsBoundary', 'session', 'vpcEndpoint', 'serviceControl'] as const

test.each(ofCaller)(
  'a refusal by the %s of Keyhold’s own account is ours, and only by that',
  async (policy) => {
    expect(await whose({ policy, of: own, known: own })).toBe('ours')
    expect(await whose({ policy, of: own, known: own, role: own })).toBe('ours')

    expect(await whose({ policy, of: customer, known: own, role: customer })).toBe('theirs')
    // Words that do not fit the credentials.
    expect(await whose({ policy, of: customer, known: own })).toBe('theirs')
    expect(await whose({ policy, of: own, known: own, role: customer })).toBe('theirs')
    expect(await whose({ policy, of: customer, known: own, role: own })).toBe('theirs')
    // It is not known who Keyhold is.
    expect(await whose({ policy, of: own, known: undefined })).toBe('theirs')
    expect(await whose({ policy, of: own, known: undefined, role: own })).toBe('theirs')
  },
)

test.each(['resource', 'resourceControl'] as const)(
  'a refusal by a %s is always the customer’s',
  async (policy) => {
    for (const account of [own, customer])
      for (const role of [undefined, own, customer])
        expect(await whose({ policy, of: account, known: own, ...(role !== undefined && { role }) })).toBe(
          'theirs',
        )
  },
)

test('no other error becomes ours, whatever its words say, and none is explained twice', async () => {
  const explain = createExplainAwsError(() => Promise.resolve(own))
  for (const name of ['DisabledException', 'KMSInvalidStateException', 'NotFoundException', 'Unknown']) {
    const thrown = Object.assign(refusalBy('identity', own), { name })
    expect((await explain(thrown, { action: 'Decrypt', region })).code).not.toBe('ERR_KMS_OWN_POLICY')
  }
  const ours = await explain(refusalBy('identity', own), { action: 'AssumeRole', region })
  const role = { arn: `arn:aws:iam::${customer}:role/x`, externalId: 'e' }
  expect(await explain(ours, { action: 'Decrypt', region, role })).toBe(ours)
})

test('where AWS STS does not answer, refusals do not all wait for it', async () => {
  let nowMs = 0
  let asked = 0
  let answer = () => Promise.reject(new Error('away'))
  const find = createOwnAccount(
    () => {
      asked += 1
      return answer()
    },
    () => nowMs,
  )
  for (let call = 0; call < 3; call++) expect(await find(region)).toBeUndefined()
  expect(asked).toBe(1)
  nowMs += 10_000
  answer = () => Promise.resolve(`arn:aws-cn:sts::${own}:assumed-role/keyhold/session`) as never
  expect(await find(region)).toBe(own)
})
