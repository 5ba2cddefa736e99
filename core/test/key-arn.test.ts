import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awsRegions, partitionOf } from '../src/aws/aws-regions.ts'
import { keyArnInRegion, parseKeyArn } from '../src/aws/key-arn.ts'
import { codeOf, numRuns } from './support.ts'

const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab'
const multiRegionId = 'mrk-1234abcd12ab34cd56ef1234567890ab'
const start = 'arn:aws:kms:eu-west-1:111122223333'
const valid = `${start}:key/${keyId}`

describe('a key ARN', () => {
  test('is parsed into region, account and key id', () => {
    expect(parseKeyArn(valid)).toEqual({
      ...{ arn: valid, partition: 'aws', region: 'eu-west-1', accountId: '111122223333', keyId },
    })
    expect(parseKeyArn(`${start}:key/${multiRegionId}`).keyId).toBe(multiRegionId)
  })

  test.each(['alias/a', 'alias/tenant/1', `alias/${'x'.repeat(250)}`, 'alias/awsome', 'alias/team:key_1'])(
    'may be that of an alias, which has no key id: %s',
    (alias) => {
      expect(parseKeyArn(`${start}:${alias}`)).toMatchObject({ arn: `${start}:${alias}`, keyId: undefined })
    },
  )

  test.each([...awsRegions])('may be in the region %s', (region) => {
    const partition = partitionOf(region) ?? ''
    const arn = valid.replace('arn:aws:', `arn:${partition}:`).replace('eu-west-1', region)
    expect(parseKeyArn(arn)).toMatchObject({ partition, region })
  })

  test.each([
    ['aws', 'eu-northwest-9'],
    ['aws', 'qq-central-12'],
    ['aws-cn', 'cn-south-1'],
    ['aws-us-gov', 'us-gov-central-2'],
    ['aws-eusc', 'eusc-fr-west-1'],
    ['aws-iso', 'us-iso-south-1'],
  ])('may be in a region of %s that is in no list: %s', (partition, region) => {
    expect(awsRegions.has(region)).toBe(false)
    const arn = valid.replace('arn:aws:', `arn:${partition}:`).replace('eu-west-1', region)
    expect(parseKeyArn(arn)).toMatchObject({ partition, region })
  })
})

const inRegion = (region: string): string => valid.replace('eu-west-1', region)

test.each([
  ['nothing', ''],
  ['a key id alone', keyId],
  ['an alias alone', 'alias/tenant'],
  ['another service', valid.replace(':kms:', ':s3:')],
  ['a partition that does not exist', valid.replace(':aws:', ':aws-moon:')],
  ['a partition that its region is not in', valid.replace(':aws:', ':aws-us-gov:')],
  ['a region of the partition aws-cn', inRegion('cn-north-1')],
  ['a region of the partition aws-us-gov', inRegion('us-gov-west-1')],
  ['a region of the partition aws-iso-b', inRegion('us-isob-east-1')],
  ['a region in no direction', inRegion('eu-wset-1')],
  ['a region without a number', inRegion('eu-west')],
  ['a region with the number 0', inRegion('eu-west-0')],
  ['a region of three directions', inRegion('eu-northnorthnorth-1')],
  ['no region', inRegion('')],
  ['a host behind the region', inRegion('us-east-1.evil.com')],
  ['a URL for a region', inRegion('x@evil.com:443/#')],
  ['a line break behind the region', inRegion('us-east-1\n')],
  ['an Arabic digit in the region', inRegion('us-east-١')],
  ['an address for a region', inRegion('169.254.169.254')],
  ['a region in capitals', inRegion('EU-WEST-1')],
  ['a region named like a member of every object', inRegion('constructor')],
  ['an account of 11 digits', valid.replace('111122223333', '11112222333')],
  ['an account of 13 digits', valid.replace('111122223333', '1111222233334')],
  ['an account with letters', valid.replace('111122223333', '11112222333x')],
  ['full-width digits in the account', valid.replace('1111', '１１１１')],
  ['a path behind the key', `${start}:key/../x`],
  ['a path for a key id', `${start}:key/${keyId}/../x`],
  ['a key id in capitals', valid.toUpperCase()],
  ['hex capitals in the key id', `${start}:key/${keyId.toUpperCase()}`],
  ['a key id cut short', valid.slice(0, -1)],
  ['a character behind the key id', `${valid}a`],
  ['a multi-region id with hyphens', `${start}:key/mrk-${keyId}`],
  ["AWS's own alias", `${start}:alias/aws/s3`],
  ['an alias without a name', `${start}:alias/`],
  ['an alias of 251 characters', `${start}:alias/${'x'.repeat(251)}`],
  ['an alias with a dot', `${start}:alias/a.b`],
  ['an alias beyond ASCII', `${start}:alias/clé`],
  ['a space in front', ` ${valid}`],
  ['a space at the end', `${valid} `],
  ['a line break at the end', `${valid}\n`],
  ['a second line', `${valid}\n${valid}`],
  ['a NUL at the end', `${valid}\0`],
  ['a wildcard', `${start}:key/*`],
  ['3 kB', `${start}:alias/${'x'.repeat(3_000)}`],
  ['10 MB', `${start}:alias/${'x'.repeat(10_000_000)}`],
])('%s is no key ARN', (_, text) => {
  expect(codeOf(() => parseKeyArn(text))).toBe('ERR_ARN_INVALID')
})

test('a refusal does not repeat the text that it refuses', () => {
  expect(() => parseKeyArn(inRegion('canary-1'))).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('canary') as string }) as Error,
  )
})

test('any change of a key ARN is refused with the one code, or is another ARN in a region of its partition', () => {
  const edit = fc.tuple(fc.nat(valid.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
  fc.assert(
    fc.property(edit, ([at, removed, added]) => {
      const text = valid.slice(0, at) + added + valid.slice(at + removed)
      if (codeOf(() => parseKeyArn(text)) === 'ERR_ARN_INVALID') return
      const { arn, partition, region, accountId, keyId: id } = parseKeyArn(text)
      expect(arn).toBe(text)
      expect(partitionOf(region)).toBe(partition)
      if (id !== undefined) expect(`arn:${partition}:kms:${region}:${accountId}:key/${id}`).toBe(text)
    }),
    { numRuns },
  )
})

describe('the same key in another region', () => {
  const multiRegion = parseKeyArn(`${start}:key/${multiRegionId}`)

  test('is known for a multi-region key: same partition, account and id', () => {
    const other = keyArnInRegion(multiRegion, 'eu-west-3')
    expect(other).toBe(`arn:aws:kms:eu-west-3:111122223333:key/${multiRegionId}`)
    expect(parseKeyArn(other ?? '').region).toBe('eu-west-3')
  })

  test('does not exist for a single-region key, nor for an alias', () => {
    expect(keyArnInRegion(parseKeyArn(valid), 'eu-west-3')).toBeUndefined()
    expect(keyArnInRegion(parseKeyArn(`${start}:alias/mrk-x`), 'eu-west-3')).toBeUndefined()
  })

  test.each(['', 'eu-wset-9', 'eu-west-3.evil.com', 'eu-west-3\n', 'cn-north-1', 'us-gov-west-1'])(
    'does not exist outside of the regions of its partition: %j',
    (region) => {
      expect(keyArnInRegion(multiRegion, region)).toBeUndefined()
    },
  )
})
