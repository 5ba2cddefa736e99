// A key that is reached through a role of the customer's: with the tenant's own external id, and only with that.
import { CreateKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import {
  customerAccount,
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { decryptAll, encryptUnder, plaintextOf } from '../../../../testkit/src/http/api.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { encryptText, migrateTo, providers, setPolicy } from '../scene.ts'
import { resignDatabase } from '../../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const roleArn = `arn:aws:iam::${customerAccount}:role/partners/for-keyhold`

async function policies(of: TestTenant, arn: string, role = roleArn): Promise<unknown> {
  const { body } = await server.request('GET', `/api/v1/encryption/policy?arn=${arn}&roleArn=${role}`, {
    token: of.adminToken,
  })
  return body
}

/** A key whose policy names the role, made as Keyhold prints it. */
async function keyForRole(of: TestTenant): Promise<{ arn: string; printed: unknown }> {
  const client = server.customerKms()
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
  const arn = KeyMetadata?.Arn ?? ''
  const printed = await policies(of, arn)
  await setPolicy(client, arn, JSON.stringify(at(printed, 'regions', 0, 'policy')))
  return { arn, printed }
}

const register = (of: TestTenant, arn: string, role: string | undefined = roleArn) =>
  server.request('POST', providers, {
    token: of.adminToken,
    body: { name: 'through a role', arn, roleArn: role },
  })

test('what Keyhold prints is enough, and from there everything goes through the role', async () => {
  const { arn, printed } = await keyForRole(tenant)
  server.kms.roles.put({ arn: roleArn, trust: at(printed, 'trustPolicy') })
  expect(at(printed, 'rolePolicy')).toBeUndefined()

  const created = await register(tenant, arn)

  expect(created.status).toBe(201)
  expect(created.body).toMatchObject({ arn, roleArn })
  expect(created.body).not.toHaveProperty('warnings')
  server.kms.resetCallCounts()
  await migrateTo(server, tenant, textAt(created.body, 'arnFingerPrint'))
  const token = await encryptText(server, tenant, 'through a role')
  expect(token).toMatch(/^kh1\./)
  const session = `arn:aws:sts::${customerAccount}:assumed-role/for-keyhold/keyhold`
  expect(server.kms.countCalls({ keyId: arn, caller: session })).toBeGreaterThan(0)
  expect(server.kms.countCalls({ keyId: arn })).toBe(server.kms.countCalls({ keyId: arn, caller: session }))
  // One session for each client, for many calls.
  expect(server.kms.countCalls({ operation: 'AssumeRole' })).toBeLessThanOrEqual(2)
})

test('without an issuer no role is reached with an identity token', async () => {
  const tenant = await server.createTenant()
  const arn = await server.createCustomerKey()
  const named = { arn, roleArn: `arn:aws:iam::${customerAccount}:role/any`, roleAccess: 'web-identity' }
  const query = new URLSearchParams(named).toString()
  const answers = [
    await server.request('POST', providers, { token: tenant.adminToken, body: { name: 'a', ...named } }),
    await server.request('POST', `${providers}/actions/check`, { token: tenant.adminToken, body: named }),
    await server.request('GET', `/api/v1/encryption/policy?${query}`, { token: tenant.adminToken }),
  ]
  for (const { status, body } of answers)
    expect([status, body]).toMatchObject([406, { errors: [{ code: 'ERR_ISSUER_NOT_SET' }] }])
  expect((await server.request('GET', '/.well-known/jwks.json')).status).toBe(404)
})

slowTest(
  'where the provider disappears from the database, the version still goes through the role, and without that nowhere',
  async () => {
    const other = await server.createTenant()
    const { arn, printed } = await keyForRole(other)
    server.kms.roles.put({ arn: roleArn, trust: at(printed, 'trustPolicy') })
    await migrateTo(server, other, textAt((await register(other, arn)).body, 'arnFingerPrint'))
    const tokens = await encryptUnder(server.url, other, ['one'])
    const ofTenant = [other.tenantId]
    await server.query("delete from keyhold.key_providers where tenant_id = $1 and kms = 'aws'", ofTenant)
    await resignDatabase(server.databaseConnection())

    expect(await decryptAll(server.url, other, tokens)).toEqual([plaintextOf('one')])
    server.kms.resetCallCounts()
    await server.query(
      `update keyhold.tenant_keys set reached_as = null, role_arn = null, external_id = null, replica_regions = null
      where tenant_id = $1`,
      ofTenant,
    )
    await resignDatabase(server.databaseConnection())
    await expect(decryptAll(server.url, other, tokens)).rejects.toThrow('ERR_KEY_ACCESS_UNKNOWN')
    expect(server.kms.countCalls({ keyId: arn })).toBe(0)
  },
)

it('is refused with 403 while the role does not trust Keyhold', async () => {
  const other = await server.createTenant()
  const { arn } = await keyForRole(other)
  server.kms.roles.delete(roleArn)
  const { status, body } = await register(other, arn)
  expect([status, errorCode(body)]).toEqual([403, 'Encryption-88'])
  expect(textAt(body, 'errors', 0, 'detail')).toContain(roleArn)
})

it("cannot be had by another tenant: the role asks for the first one's external id", async () => {
  const [first, second] = [await server.createTenant(), await server.createTenant()]
  const { arn, printed } = await keyForRole(first)
  server.kms.roles.put({ arn: roleArn, trust: at(printed, 'trustPolicy') })
  const foreign = await register(second, arn)
  expect([foreign.status, errorCode(foreign.body)]).toEqual([403, 'Encryption-88'])
  const ids = await Promise.all(
    [first, first, second].map(async (each) => textAt(await policies(each, arn), 'externalId')),
  )
  expect(ids[0]).toBe(ids[1])
  expect(ids[0]).not.toBe(ids[2])
})

it('is refused where the role does not ask for an external id at all', async () => {
  const other = await server.createTenant()
  const { arn } = await keyForRole(other)
  const trust = {
    Statement: {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${keyholdAccount}:root` },
      Action: 'sts:AssumeRole',
    },
  }
  server.kms.roles.put({ arn: roleArn, trust })
  const { status, body } = await register(other, arn)
  expect([status, errorCode(body)]).toEqual([406, 'ERR_ROLE_WITHOUT_EXTERNAL_ID'])
  const list = await server.request('GET', providers, { token: other.adminToken })
  expect(listAt(list.body)).toEqual([])
})

slowTest('of another account needs a policy of its own there, and with it works', async () => {
  const other = await server.createTenant()
  const far = 'arn:aws:iam::333333333333:role/security'
  const client = server.customerKms()
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
  const arn = KeyMetadata?.Arn ?? ''
  const printed = await policies(other, arn, far)
  await setPolicy(client, arn, JSON.stringify(at(printed, 'regions', 0, 'policy')))
  server.kms.roles.put({ arn: far, trust: at(printed, 'trustPolicy') })
  expect((await register(other, arn, far)).status).toBe(403)
  server.kms.roles.put({ arn: far, trust: at(printed, 'trustPolicy'), policy: at(printed, 'rolePolicy') })
  expect((await register(other, arn, far)).status).toBe(201)
})

test.each(['role/x', 'arn:aws:iam::222222222222:user/x', `arn:aws:iam::222222222222:role/${'x'.repeat(65)}`])(
  'a role ARN such as %s is refused before any call',
  async (role) => {
    server.kms.resetCallCounts()
    const { status, body } = await register(tenant, `arn:aws:kms:eu-west-1:${customerAccount}:alias/x`, role)
    expect([status, errorCode(body)]).toEqual([417, 'ERR_ROLE_ARN_INVALID'])
    expect(server.kms.countCalls()).toBe(0)
  },
)
