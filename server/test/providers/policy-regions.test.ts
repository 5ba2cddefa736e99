// Which regions a request for policies is about.
import { isKeyholdError } from '@keyhold/core'
import { expect, test } from 'vitest'
import { parsePolicyRequest, type PolicyRequest } from '../../src/providers/policy/policy-regions.ts'

const key = (region: string, partition = 'aws') =>
  `arn:${partition}:kms:${region}:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab`
const single = 'arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const alias = 'arn:aws:kms:eu-west-1:222222222222:alias/a/b'
const account = '222222222222'
const standIns = (region: string) =>
  ({ 'eu-west-1': ['eu-west-3'], 'cn-north-1': ['cn-northwest-1'] })[region] ?? []

test.each<[string, PolicyRequest, string[]]>([
  ['a multi-region key', { arn: key('eu-west-1') }, ['eu-west-1', 'eu-west-3']],
  ['a single-region key', { arn: single }, ['eu-west-1']],
  ['a single-region key and its own region', { arn: single, regions: 'eu-west-1' }, ['eu-west-1']],
  [
    'a key and regions, its own not first',
    { arn: key('eu-west-1'), regions: 'eu-north-1, eu-west-1,eu-west-3' },
    ['eu-west-1', 'eu-north-1', 'eu-west-3'],
  ],
  ['an alias', { arn: alias, account }, ['eu-west-1', 'eu-west-3']],
  ['no key yet', { account, regions: 'eu-west-1' }, ['eu-west-1', 'eu-west-3']],
  ['no key yet, in China', { account, regions: 'cn-north-1' }, ['cn-north-1', 'cn-northwest-1']],
  ['no key yet, in regions twice', { account, regions: 'us-east-1,us-east-1' }, ['us-east-1']],
  ['regions in no list', { account, regions: 'qq-north-1,qq-south-1' }, ['qq-north-1', 'qq-south-1']],
])('%s', (_, request, regions) => {
  expect(parsePolicyRequest(request, standIns).regions.map(({ region }) => region)).toEqual(regions)
})

test('the ARN of a key is known in every region, and that of an alias in none', () => {
  expect(parsePolicyRequest({ arn: key('eu-west-1') }, standIns)).toMatchObject({
    partition: 'aws',
    aliasName: undefined,
    regions: [{ keyArn: key('eu-west-1') }, { keyArn: key('eu-west-3') }],
  })
  expect(parsePolicyRequest({ arn: alias }, standIns)).toMatchObject({
    keyArn: undefined,
    aliasName: 'alias/a/b',
    regions: [{ keyArn: undefined }, { keyArn: undefined }],
  })
})

test.each<[string, PolicyRequest, string]>([
  ['nothing', {}, 'ERR_INVALID_REQUEST'],
  ['an account alone', { account }, 'ERR_INVALID_REQUEST'],
  ['regions alone', { regions: 'eu-west-1' }, 'ERR_INVALID_REQUEST'],
  ['no region', { account, regions: '' }, 'ERR_INVALID_REQUEST'],
  ['a host for a region', { account, regions: 'eu-west-1.evil.com' }, 'ERR_INVALID_REQUEST'],
  ['regions of two partitions', { account, regions: 'eu-west-1,cn-north-1' }, 'ERR_INVALID_REQUEST'],
  [
    'a region of another partition',
    { arn: key('eu-west-1'), regions: 'us-gov-west-1' },
    'ERR_INVALID_REQUEST',
  ],
  ['another account', { arn: key('eu-west-1'), account: '333333333333' }, 'ERR_INVALID_REQUEST'],
  ['41 regions', { account, regions: Array(41).fill('eu-west-1').join(',') }, 'ERR_INVALID_REQUEST'],
  ['a single-region key elsewhere', { arn: single, regions: 'eu-west-3' }, 'ERR_KEY_SINGLE_REGION'],
  ['the wrong partition', { arn: key('eu-west-1', 'aws-cn') }, 'ERR_ARN_INVALID'],
])('%s is refused', (_, request, code) => {
  let thrown: unknown
  try {
    parsePolicyRequest(request, standIns)
  } catch (error) {
    thrown = error
  }
  expect(isKeyholdError(thrown) && thrown.code).toBe(code)
})
