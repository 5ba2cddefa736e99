// The policy that Keyhold prints: sufficient as it is, and nothing in it superfluous.
import { CreateKeyCommand, PutKeyPolicyCommand, ReplicateKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  customerAccount,
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { migrateTo, providers, setPolicy } from '../scene.ts'
import { doseOf } from '../../../../testkit/src/statistics/dose-of.ts'

interface Statement {
  Sid: string
  Principal: { AWS: string }
  Action: string | string[]
  Condition?: unknown
}

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_DR_REGIONS: 'eu-west-1:eu-west-3' })
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const token = () => tenant.adminToken
const ask = (arn: string, more = '') =>
  server.request('GET', `/api/v1/encryption/policy?arn=${encodeURIComponent(arn)}${more}`, { token: token() })

async function policyFor(arn: string): Promise<{ Statement: Statement[] }> {
  const { body } = await ask(arn)
  return at(body, 'regions', 0, 'policy') as { Statement: Statement[] }
}

/** A multi-region key of the customer's, with a replica, both with AWS's own default policy. */
async function newKey(): Promise<{ arn: string; replica: string }> {
  const client = server.customerKms()
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }))
  const arn = KeyMetadata?.Arn ?? ''
  await client.send(new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: 'eu-west-3' }))
  await new Promise((resolve) => setTimeout(resolve, 250))
  return { arn, replica: arn.replace('eu-west-1', 'eu-west-3') }
}

async function paste({ arn, replica }: { arn: string; replica: string }, policy: object): Promise<void> {
  const text = JSON.stringify(policy)
  await setPolicy(server.customerKms('eu-west-3'), replica, text)
  await setPolicy(server.customerKms(), arn, text)
}

const register = (arn: string) =>
  server.request('POST', providers, { token: token(), body: { name: 'pasted', arn } })

const lacks = (region: string, action: string) =>
  `The policy of the provided key does not allow the required action [${region}] [${action}].`

test('a key without the policy is refused, and with the policy it is all that a key can be', async () => {
  const key = await newKey()
  expect((await register(key.arn)).status).toBe(403)
  const { status, body } = await ask(key.arn)
  expect(status).toBe(200)
  expect(listAt(body, 'regions').map((each) => [textAt(each, 'region'), textAt(each, 'arn')])).toEqual([
    ['eu-west-1', key.arn],
    ['eu-west-3', key.replica],
  ])
  expect(at(body, 'principals')).toEqual([`arn:aws:iam::${keyholdAccount}:root`])
  await paste(key, at(body, 'regions', 0, 'policy') as object)

  const created = await register(key.arn)

  expect(created.status).toBe(201)
  expect(created.body).toMatchObject({ drCompliant: true, multiRegion: true })
  // Nothing to warn of: the policy is as narrow as it must be.
  expect(created.body).not.toHaveProperty('warnings')
  await migrateTo(server, tenant, textAt(created.body, 'arnFingerPrint'))
})

describe('each line is needed: without', () => {
  const withoutAction = (policy: { Statement: Statement[] }, action: string) => ({
    ...policy,
    Statement: policy.Statement.map((statement) =>
      Array.isArray(statement.Action)
        ? { ...statement, Action: statement.Action.filter((each) => each !== action) }
        : statement,
    ),
  })
  const withoutStatement = (policy: { Statement: Statement[] }, sid: string) => ({
    ...policy,
    Statement: policy.Statement.filter(({ Sid }) => Sid !== sid),
  })

  test.each(
    doseOf(
      [
        ['kms:GenerateDataKey', 'GenerateDataKey'],
        ['kms:Decrypt', 'Decrypt'],
      ],
      2,
    ),
  )('%s that action is missing', async (action, named) => {
    const key = await newKey()
    await paste(key, withoutAction(await policyFor(key.arn), action))
    const { status, body } = await register(key.arn)
    expect([status, errorCode(body)]).toEqual([403, 'Encryption-88'])
    expect(textAt(body, 'errors', 0, 'detail')).toBe(lacks('eu-west-1', named))
  })

  test.each(
    doseOf(
      [
        ['KeyholdLooksAtTheKey', 'DescribeKey'],
        ['KeyholdUsesTheKeyForThisTenant', 'GenerateDataKey'],
      ],
      2,
    ),
  )('the statement %s the action %s is missing', async (sid, named) => {
    const key = await newKey()
    await paste(key, withoutStatement(await policyFor(key.arn), sid))
    const { body } = await register(key.arn)
    expect(textAt(body, 'errors', 0, 'detail')).toBe(lacks('eu-west-1', named))
  })

  it('the statement of the account, AWS refuses the policy, since nobody could change it any more', async () => {
    const { arn } = await newKey()
    const policy = withoutStatement(await policyFor(arn), 'TheAccountManagesItsKey')
    const put = new PutKeyPolicyCommand({ KeyId: arn, Policy: JSON.stringify(policy) })
    await expect(server.customerKms().send(put)).rejects.toMatchObject({
      name: 'MalformedPolicyDocumentException',
    })
  })

  it('the condition, other tenants could use the key: which is warned of, in each region', async () => {
    const key = await newKey()
    const policy = await policyFor(key.arn)
    await paste(key, {
      ...policy,
      Statement: policy.Statement.map((statement) => ({ ...statement, Condition: undefined })),
    })
    const { status, body } = await register(key.arn)
    expect(status).toBe(201)
    expect(listAt(body, 'warnings').map((each) => [textAt(each, 'code'), textAt(each, 'region')])).toEqual([
      ['ERR_KEY_POLICY_TOO_WIDE', 'eu-west-1'],
      ['ERR_KEY_POLICY_TOO_WIDE', 'eu-west-3'],
    ])
    const path = `${providers}/${textAt(body, 'arnFingerPrint')}`
    expect((await server.request('GET', path, { token: token() })).body).toEqual(body)
    await paste(key, policy)
    const tested = await server.request('POST', `${path}/actions/test`, { token: token() })
    expect(tested.body).not.toHaveProperty('warnings')
  })

  test.each(
    doseOf(
      [
        ['kms:GenerateDataKey', 'GenerateDataKey'],
        ['kms:Decrypt', 'Decrypt'],
      ],
      2,
    ),
  )('the condition on %s alone, that action is named', async (open, named) => {
    const key = await newKey()
    const policy = await policyFor(key.arn)
    const usage = policy.Statement.find(({ Sid }) => Sid === 'KeyholdUsesTheKeyForThisTenant')
    const statement = { ...usage, Sid: 'Open', Action: open, Condition: undefined }
    await paste(key, { ...policy, Statement: [...policy.Statement, statement] })
    const { body } = await register(key.arn)
    expect(textAt(body, 'warnings', 0, 'message')).toContain(`too wide [eu-west-1] [${named}]`)
  })

  it('the policy on the replica, the key does not survive its region', async () => {
    const key = await newKey()
    await setPolicy(server.customerKms(), key.arn, JSON.stringify(await policyFor(key.arn)))
    const { status, body } = await register(key.arn)
    expect(status).toBe(201)
    expect(body).toMatchObject({
      drCompliant: false,
      complianceError: {
        code: 'Encryption-88',
        region: 'eu-west-3',
        message: lacks('eu-west-3', 'DescribeKey'),
      },
    })
  })
})

it("names this tenant, so that another tenant's policy does not do", async () => {
  const key = await newKey()
  const other = await server.createTenant()
  await paste(key, await policyFor(key.arn))
  const refused = await server.request('POST', providers, {
    token: other.adminToken,
    body: { name: 'foreign', arn: key.arn },
  })
  expect([refused.status, errorCode(refused.body)]).toEqual([403, 'Encryption-88'])
  expect(textAt(refused.body, 'errors', 0, 'detail')).toBe(lacks('eu-west-1', 'GenerateDataKey'))
})

it('comes as Terraform and CloudFormation with the same policy', async () => {
  const { arn, replica } = await newKey()
  const { body } = await ask(arn)
  const policy = await policyFor(arn)
  for (const [index, keyArn] of [arn, replica].entries()) {
    const terraform = textAt(body, 'regions', index, 'terraform')
    expect(terraform).toContain(`key_id   = "${keyArn}"`)
    // Without texts that HCL writes in another way, its objects of quoted names are JSON.
    const json = /jsonencode\((.*)\)\n}/s.exec(terraform)?.[1] ?? ''
    expect(JSON.parse(json)).toEqual(policy)
    const template: unknown = JSON.parse(textAt(body, 'regions', index, 'cloudFormation'))
    const key = at(template, 'Resources', 'KeyholdKey')
    expect(at(key, 'Properties', 'KeyPolicy')).toEqual(policy)
    expect(at(key, 'Type')).toBe(index === 0 ? 'AWS::KMS::Key' : 'AWS::KMS::ReplicaKey')
    if (index === 1) expect(at(key, 'Properties', 'PrimaryKeyArn')).toBe(arn)
  }
})

test.each([
  ['a single-region key, for its region alone', `key/12345678-1234-1234-1234-123456789012`, ['eu-west-1']],
  ['an alias, for the regions it may be in', 'alias/payroll', ['eu-west-1', 'eu-west-3']],
])('it is made for %s', async (_, resource, regions) => {
  const { status, body } = await ask(`arn:aws:kms:eu-west-1:${customerAccount}:${resource}`)
  expect(status).toBe(200)
  expect(listAt(body, 'regions').map((each) => textAt(each, 'region'))).toEqual(regions)
})

test.each([
  ['arn=nonsense', 417, 'ERR_ARN_INVALID'],
  ['arn=arn:aws-cn:kms:eu-west-1:222222222222:alias/x', 417, 'ERR_ARN_INVALID'],
  ['', 400, 'ERR_INVALID_REQUEST'],
  ['account=222222222222', 400, 'ERR_INVALID_REQUEST'],
  ['account=2&regions=eu-west-1', 400, 'ERR_INVALID_REQUEST'],
  ['account=222222222222&regions=eu-west-1,cn-north-1', 400, 'ERR_INVALID_REQUEST'],
  ['arn=arn:aws:kms:eu-west-1:222222222222:alias/x&roleArn=nobody', 417, 'ERR_ROLE_ARN_INVALID'],
  [
    'account=222222222222&regions=cn-north-1&roleArn=arn:aws:iam::222222222222:role/r',
    417,
    'ERR_ROLE_ARN_INVALID',
  ],
])('%s is refused', async (query, status, code) => {
  const answer = await server.request('GET', `/api/v1/encryption/policy?${query}`, { token: token() })
  expect([answer.status, errorCode(answer.body)]).toEqual([status, code])
})

it('names the principals of the configuration, where they are set', async () => {
  const principals = [
    `arn:aws:iam::${keyholdAccount}:role/a/keyhold`,
    `arn:aws:iam::${keyholdAccount}:role/b`,
  ]
  const other = await startTestServer({ KEYHOLD_AWS_PRINCIPALS: principals.join(',') })
  const { adminToken } = await other.createTenant()
  const arn = `arn:aws:kms:eu-west-1:${customerAccount}:alias/x`
  const { body } = await other.request('GET', `/api/v1/encryption/policy?arn=${arn}`, { token: adminToken })
  expect(at(body, 'principals')).toEqual(principals)
  expect(at(body, 'regions', 0, 'policy', 'Statement', 1, 'Principal')).toEqual({ AWS: principals })
  const inChina = `/api/v1/encryption/policy?account=${customerAccount}&regions=cn-north-1`
  const refused = await other.request('GET', inChina, { token: adminToken })
  expect([refused.status, errorCode(refused.body)]).toEqual([417, 'ERR_ARN_INVALID'])
  expect(textAt(refused.body, 'errors', 0, 'detail')).toBe(
    'The key is in the partition aws-cn of AWS. This installation is in aws, and no key outside of it can be used.',
  )
  await other.stop()
})

describe('a key that does not exist yet', () => {
  it('has a policy for each region, and scripts that make it', async () => {
    const query = `account=${customerAccount}&regions=eu-west-1,eu-north-1`
    const { status, body } = await server.request('GET', `/api/v1/encryption/policy?${query}`, {
      token: token(),
    })
    expect(status).toBe(200)
    expect(listAt(body, 'regions').map((each) => [at(each, 'region'), at(each, 'arn')])).toEqual([
      ['eu-west-1', undefined],
      ['eu-north-1', undefined],
      ['eu-west-3', undefined],
    ])
    expect(textAt(body, 'awsCli')).toContain('aws kms create-key')
    expect(textAt(body, 'terraform')).toContain('resource "aws_kms_replica_key" "keyhold_eu_north_1"')
    expect(listAt(body, 'grants')).toEqual([
      {
        name: `keyhold-${tenant.tenantId}`,
        granteePrincipal: `arn:aws:iam::${keyholdAccount}:root`,
        operations: ['DescribeKey', 'GenerateDataKey', 'Decrypt'],
        encryptionContextEquals: { tenantId: tenant.tenantId },
      },
    ])
  })
})
