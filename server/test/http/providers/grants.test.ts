// Grants in place of a key policy that names Keyhold: all that a key policy does, they do, and what is revoked is refused.
import {
  CreateGrantCommand,
  CreateKeyCommand,
  ReplicateKeyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  type GrantOperation,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  customerAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { migrateTo, providers, waitUntil } from '../scene.ts'
import { doseOf, slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

interface Grant {
  name: string
  granteePrincipal: string
  operations: GrantOperation[]
  encryptionContextEquals: Record<string, string>
}

const regions = ['eu-west-1', 'eu-west-3']

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_DR_REGIONS: 'eu-west-1:eu-west-3',
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
  })
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

/** A key with AWS's own default policy, which names nobody but the account, and its replica. */
async function newKey(): Promise<string> {
  const client = server.customerKms()
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }))
  const arn = KeyMetadata?.Arn ?? ''
  await client.send(new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: 'eu-west-3' }))
  await new Promise((resolve) => setTimeout(resolve, 250))
  return arn
}

async function printedGrant(of: TestTenant, arn: string, roleArn?: string): Promise<Grant> {
  const query = new URLSearchParams({ arn, ...(roleArn !== undefined && { roleArn }) })
  const path = `/api/v1/encryption/policy?${query.toString()}`
  const { body } = await server.request('GET', path, { token: of.adminToken })
  return at(body, 'grants', 0) as Grant
}

/** Answers the id of the grant. */
async function give(arn: string, region: string, grant: Grant, constrained = true): Promise<string> {
  const command = new CreateGrantCommand({
    KeyId: arn.replace('eu-west-1', region),
    Name: grant.name,
    GranteePrincipal: grant.granteePrincipal,
    Operations: grant.operations,
    RetiringPrincipal: `arn:aws:iam::${customerAccount}:root`,
    ...(constrained && { Constraints: { EncryptionContextEquals: grant.encryptionContextEquals } }),
  })
  return (await server.customerKms(region).send(command)).GrantId ?? ''
}

const register = (of: TestTenant, arn: string, roleArn?: string) =>
  server.request('POST', providers, {
    token: of.adminToken,
    body: { name: 'granted', arn, ...(roleArn !== undefined && { roleArn }) },
  })

test('a key that nothing but grants opens is checked, registered and tested as any other', async () => {
  const arn = await newKey()
  expect(errorCode((await register(tenant, arn)).body)).toBe('Encryption-88')
  const grant = await printedGrant(tenant, arn)
  for (const region of regions) await give(arn, region, grant)
  const checked = await server.request('POST', `${providers}/actions/check`, {
    token: tenant.adminToken,
    body: { arn },
  })
  expect(listAt(checked.body, 'checks').map((each) => at(each, 'outcome'))).not.toContain('failed')
  expect(listAt(checked.body, 'checks').map((each) => at(each, 'outcome'))).not.toContain('warning')
  const { status, body } = await register(tenant, arn)
  expect([status, at(body, 'drCompliant')]).toEqual([201, true])
  const path = `${providers}/${textAt(body, 'arnFingerPrint')}/actions/test`
  expect((await server.request('POST', path, { token: tenant.adminToken })).status).toBe(201)
})

it.each(['revoked', 'retired'] as const)(
  'a grant that is %s is a refusal, until there is one again',
  async (how) => {
    const owner = await server.createTenant()
    const arn = await newKey()
    const grant = await printedGrant(owner, arn)
    const [grantId = ''] = await Promise.all(regions.map((region) => give(arn, region, grant)))
    const fingerprint = textAt((await register(owner, arn)).body, 'arnFingerPrint')
    await migrateTo(server, owner, fingerprint)
    const encrypt = async () => {
      const { status, body } = await server.request('POST', '/api/v1/encryption/encrypt', {
        token: owner.serviceToken,
        body: { items: [{ plaintext: 'eA==' }] },
      })
      return status === 200 ? 'open' : errorCode(body)
    }
    expect(await encrypt()).toBe('open')
    const named = { KeyId: arn, GrantId: grantId }
    if (how === 'revoked') await server.customerKms().send(new RevokeGrantCommand(named))
    else await server.customerKms().send(new RetireGrantCommand(named))
    // The replica still has its grant. The key's own region decides.
    expect(await encrypt()).toBe('ERR_KMS_DENIED')
    server.kms.regions.takeDown('eu-west-1', 'refused')
    expect(await encrypt()).not.toBe('open')
    server.kms.regions.bringBack('eu-west-1')
    const health = async () => {
      const path = `${providers}/${fingerprint}/health`
      return (await server.request('GET', path, { token: owner.adminToken })).body
    }
    await waitUntil(async () => at(await health(), 'state') === 'denied', 10_000)
    expect(textAt(await health(), 'cause')).toContain('nor a grant')
    await give(arn, 'eu-west-1', grant)
    await waitUntil(async () => (await encrypt()) === 'open', 10_000)
  },
)

describe('a grant', () => {
  it('without a constraint admits every tenant: which is warned of, in each region', async () => {
    const arn = await newKey()
    const grant = await printedGrant(tenant, arn)
    for (const region of regions) await give(arn, region, grant, false)
    const { status, body } = await register(tenant, arn)
    expect(status).toBe(201)
    expect(listAt(body, 'warnings').map((each) => [at(each, 'code'), at(each, 'region')])).toEqual(
      regions.map((region) => ['ERR_KEY_POLICY_TOO_WIDE', region]),
    )
    expect(textAt(body, 'warnings', 0, 'message')).toContain(
      'to a grant, the constraint EncryptionContextEquals',
    )
  })

  it.each(doseOf(['DescribeKey', 'GenerateDataKey', 'Decrypt'], 3))(
    'without %s is named by it',
    async (missing) => {
      const arn = await newKey()
      const grant = await printedGrant(tenant, arn)
      const operations = grant.operations.filter((operation) => operation !== missing)
      for (const region of regions) await give(arn, region, { ...grant, operations })
      const { status, body } = await register(tenant, arn)
      expect([status, errorCode(body)]).toEqual([403, 'Encryption-88'])
      expect(textAt(body, 'errors', 0, 'detail')).toContain(`[eu-west-1] [${missing}]`)
    },
  )

  slowTest('for another tenant is none for this one', async () => {
    const arn = await newKey()
    const grant = await printedGrant(await server.createTenant(), arn)
    for (const region of regions) await give(arn, region, grant)
    expect(errorCode((await register(tenant, arn)).body)).toBe('Encryption-88')
  })

  slowTest('in one region is none in another', async () => {
    const arn = await newKey()
    await give(arn, 'eu-west-1', await printedGrant(tenant, arn))
    const { status, body } = await register(tenant, arn)
    expect(status).toBe(201)
    expect(body).toMatchObject({
      drCompliant: false,
      complianceError: { code: 'Encryption-88', region: 'eu-west-3' },
    })
  })

  it('to a role lets Keyhold in through the role', async () => {
    const arn = await newKey()
    const roleArn = `arn:aws:iam::${customerAccount}:role/granted`
    const { body } = await server.request(
      'GET',
      `/api/v1/encryption/policy?${new URLSearchParams({ arn, roleArn }).toString()}`,
      { token: tenant.adminToken },
    )
    server.kms.roles.put({ arn: roleArn, trust: at(body, 'trustPolicy') })
    const grant = await printedGrant(tenant, arn, roleArn)
    expect(grant.granteePrincipal).toBe(roleArn)
    for (const region of regions) await give(arn, region, grant)
    const registered = await register(tenant, arn, roleArn)
    expect([registered.status, at(registered.body, 'drCompliant')]).toEqual([201, true])
  })
})
