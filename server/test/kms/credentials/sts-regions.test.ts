// STS in regions that accounts must opt in to, and endpoints that are no STS: another region's is asked, and where that does not
// help the message names the region or the setting. A customer's refusal stays one.
import { isKeyholdError, type CustomerRole } from '@keyhold/core'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { serve } from '../../../../testkit/src/http/serve.ts'
import { customerAccount, keyholdAccount } from '../../../../testkit/src/server/start-test-server.ts'
import { createCustomerRoles } from '../../../src/kms/credentials/customer-role.ts'
import { createOwnCredentials } from '../../../src/kms/credentials/own-credentials.ts'
import { startAws } from '../aws-under-test.ts'

const { local } = await startAws()
const own = createOwnCredentials({ fixed: { accessKeyId: keyholdAccount, secretAccessKey: 'test' } })
const optIn = 'af-south-1'
const others = ['us-east-1', 'eu-west-1']
const role: CustomerRole = { arn: `arn:aws:iam::${customerAccount}:role/for-keyhold`, externalId: 'external' }
const trust = (externalId: string) => ({
  Statement: {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { AWS: `arn:aws:iam::${keyholdAccount}:root` },
    Condition: { StringEquals: { 'sts:ExternalId': externalId } },
  },
})
local.roles.put({ arn: role.arn, trust: trust('external') })

const told: string[] = []
const open: { close(): void }[] = []
function start(stsEndpoint = local.url) {
  const roles = createCustomerRoles({
    ...{ stsEndpoint, own },
    onOtherRegion: (region, answering) => told.push(`${region} ${answering}`),
  })
  open.push(roles)
  return roles
}
afterEach(() => {
  for (const each of open.splice(0)) each.close()
  told.length = 0
  local.optOuts.delete(keyholdAccount, optIn)
  local.optOuts.delete(customerAccount, optIn)
  for (const region of others) local.regions.bringBack(region)
})

const assumes = (region: string) => local.countCalls({ operation: 'AssumeRole', region })

test.each([
  ['Keyhold’s account has not enabled the region', keyholdAccount],
  ['STS is switched off in the region for the role’s account', customerAccount],
])('%s: another region’s STS begins the session, at once from then on', async (_, account) => {
  local.optOuts.add(account, optIn)
  local.resetCallCounts()
  const roles = start()
  for (let times = 0; times < 3; times++) expect((await roles.assume(role, optIn)).sessionToken).not.toBe('')
  expect(assumes('us-east-1')).toBe(3)
  expect(assumes(optIn)).toBeLessThanOrEqual(1)
  expect(told).toEqual([`${optIn} us-east-1`])
})

test('who Keyhold is is asked elsewhere too', async () => {
  local.optOuts.add(keyholdAccount, optIn)
  expect(await start().ownPrincipal(optIn)).toBe(`arn:aws:iam::${keyholdAccount}:root`)
})

test.each([
  [keyholdAccount, `If ${optIn} is one that accounts must opt in to, enable it in Keyhold's account`],
  [customerAccount, `AWS STS is switched off in ${optIn} for account ${customerAccount}`],
])(
  'where no other region answers, the message names the region and what to do: %s',
  async (account, words) => {
    local.optOuts.add(account, optIn)
    for (const region of others) local.regions.takeDown(region, 'refused')
    const error = await errorOf(start().assume(role, optIn))
    expect(error).toMatchObject({
      code: 'ERR_KMS_CREDENTIALS',
      details: { action: 'AssumeRole', region: optIn },
    })
    expect(error.message).toContain(words)
  },
)

test('where no region of a partition answers, those of another one are asked all the same', async () => {
  const chinese = 'cn-northwest-1'
  local.optOuts.add(keyholdAccount, optIn)
  local.optOuts.add(keyholdAccount, chinese)
  onTestFinished(() => {
    local.optOuts.delete(keyholdAccount, chinese)
  })
  for (const region of others) local.regions.takeDown(region, 'refused')
  const roles = start()
  expect((await errorOf(roles.assume(role, optIn))).code).toBe('ERR_KMS_CREDENTIALS')
  expect(await roles.ownPrincipal(chinese)).toBe(`arn:aws-cn:iam::${keyholdAccount}:root`)
})

test('a trust policy that refuses is the customer’s refusal, in whichever region', async () => {
  local.optOuts.add(keyholdAccount, optIn)
  const error = await errorOf(start().assume({ ...role, externalId: 'another' }, optIn))
  expect(error).toMatchObject({ code: 'ERR_KMS_DENIED', details: { action: 'AssumeRole' } })
})

test('credentials that no region accepts are told as such, after one round of regions', async () => {
  local.resetCallCounts()
  const unknown = createOwnCredentials({ fixed: { accessKeyId: 'GONE1234', secretAccessKey: 'gone' } })
  const roles = createCustomerRoles({ stsEndpoint: local.url, own: unknown })
  open.push(roles)
  const errors = [await errorOf(roles.assume(role, optIn)), await errorOf(roles.assume(role, optIn))]
  for (const error of errors) expect(error.code).toBe('ERR_KMS_CREDENTIALS')
  expect(errors[0]?.message).toContain('not accepted')
})

test.each<[string, number, string, string]>([
  ['a KMS alone', 400, 'application/x-amz-json-1.1', '{"__type":"UnknownOperationException"}'],
  ['a KMS behind a proxy', 404, 'text/html', '<html><body>Not Found</body></html>'],
  ['something that agrees to everything', 200, 'application/json', '{}'],
  ['a page', 200, 'text/html', '<!doctype html><p>Welcome<br></p>'],
  [
    'an STS that lacks the action',
    400,
    'text/xml',
    '<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>',
  ],
])('%s where STS should be: the message names the setting', async (_, status, type, body) => {
  const url = await serve((request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  const calls = [start(url).ownPrincipal('eu-west-1'), start(url).assume(role, 'eu-west-1')]
  for (const error of await Promise.all(calls.map(errorOf))) {
    expect(error.code).toBe('ERR_KMS_CREDENTIALS')
    expect(error.message).toContain('KEYHOLD_STS_ENDPOINT')
  }
})

test('an STS that is away stays an outage', async () => {
  const url = await serve((request, response) => {
    request.resume()
    response.writeHead(503, { 'content-type': 'text/html' }).end('<html>busy</html>')
  })
  expect((await errorOf(start(url).ownPrincipal('eu-west-1'))).code).toBe('ERR_KMS_FAILED')
})

async function errorOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isKeyholdError(error)) throw new Error(`no KeyholdError: ${String(error)}`)
  return error
}
