// Whose policy AWS names when it refuses: the sentences of AWS, and what only resembles them.
import { expect, test } from 'vitest'
import { parseNamedPolicy } from '../../src/kms/errors/named-policy.ts'

const account = '111111111111'
const who = `User: arn:aws:sts::${account}:assumed-role/keyhold/i-0abc`
const key = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-0123456789abcdef0123456789abcdef'
const refused = `${who} is not authorized to perform: kms:Decrypt on resource: ${key}`

const types = [
  ['identity', 'an identity-based policy', 'identity-based policy'],
  ['resource', 'a resource-based policy', 'resource-based policy'],
  ['serviceControl', 'a service control policy', 'service control policy'],
  ['resourceControl', 'a resource control policy', 'resource control policy'],
  ['permissionsBoundary', 'a permissions boundary', 'permissions boundary'],
  ['session', 'a session policy', 'session policy'],
  ['vpcEndpoint', 'a VPC endpoint policy', 'VPC endpoint policy'],
] as const

test.each(types)('%s is named where none allows, and where one denies', (policy, one, none) => {
  const named = { policy, principalAccount: account }
  expect(parseNamedPolicy(`${refused} because no ${none} allows the kms:Decrypt action`)).toEqual(named)
  expect(parseNamedPolicy(`${refused} with an explicit deny in ${one}`)).toEqual(named)
  // In one account or organisation AWS says which policy it is.
  const arn = 'arn:aws:organizations::333333333333:policy/o-1/service_control_policy/p-1'
  expect(parseNamedPolicy(`${refused} with an explicit deny in ${one}: ${arn}`)).toEqual(named)
})

test('users, other partitions, roles that are assumed, and ciphertexts whose key is not told', () => {
  const named = (sentence: string) => parseNamedPolicy(sentence)?.principalAccount
  const because = 'because no identity-based policy allows the'
  const rest = 'is not authorized to perform: '
  for (const sentence of [
    `User: arn:aws:iam::${account}:user/team/keyhold ${rest}kms:Decrypt ${because} kms:Decrypt action`,
    `User: arn:aws-us-gov:iam::${account}:root ${rest}kms:Decrypt on resource: ${key} ${because} kms:Decrypt action`,
    `${who} ${rest}sts:AssumeRole on resource: arn:aws:iam::222222222222:role/a ${because} sts:AssumeRole action`,
    `${who} ${rest}kms:Decrypt on the resource associated with this ciphertext ${because} kms:Decrypt action`,
  ])
    expect([sentence, named(sentence)]).toEqual([sentence, account])
})

test.each([
  '',
  refused,
  `${refused} because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
  `${refused} because no identity-based policy allows the kms:Decrypt action, and no resource-based policy either`,
  `${refused} with an explicit deny in a resource-based policy and because no identity-based policy allows the kms:Decrypt action`,
  `${refused} with an explicit deny in a new kind of policy`,
  `${refused} with an explicit deny in an identity-based policy: a text of somebody's`,
  `x ${refused} with an explicit deny in an identity-based policy`,
  `User: ${account} is not authorized to perform: kms:Decrypt on resource: ${key} with an explicit deny in an identity-based policy`,
  `User: arn:aws:iam::1:root is not authorized to perform: kms:Decrypt with an explicit deny in an identity-based policy`,
  `${refused} because no constructor allows the kms:Decrypt action`,
])('nothing is read into other words: %s', (sentence) => {
  expect(parseNamedPolicy(sentence)).toBeUndefined()
})
