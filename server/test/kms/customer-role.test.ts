// How long a session of a customer's role is used, if the clocks of AWS and of this replica differ.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCustomerRoles, type CustomerRoles } from '../../src/kms/credentials/customer-role.ts'
import { createOwnCredentials } from '../../src/kms/credentials/own-credentials.ts'

let expiration: Date
const sts = createServer((request, response) => {
  request.resume()
  response.setHeader('content-type', 'text/xml')
  response.end(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
    <AccessKeyId>id</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
    <Expiration>${expiration.toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
})
let roles: CustomerRoles
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    sts.listen(0, '127.0.0.1', resolve)
  })
  roles = createCustomerRoles({
    stsEndpoint: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
    own: createOwnCredentials({ fixed: { accessKeyId: 'own', secretAccessKey: 'own' } }),
  })
})
afterAll(() => {
  roles.close()
  sts.close()
})

test.each([
  ['ahead of', 3_600_000],
  ['behind', -3_600_000],
])('AWS is an hour %s this replica', async (_, aheadMs) => {
  const beforeMs = Date.now()
  expiration = new Date(beforeMs + aheadMs + 900_000)
  const role = { arn: 'arn:aws:iam::222222222222:role/for-keyhold', externalId: 'external' }
  const session = await roles.assume(role, 'eu-west-1')
  expect(session).toMatchObject({ accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' })
  const lastsMs = session.expiration.getTime() - beforeMs
  // From before the request on: AWS ends it no earlier.
  expect(lastsMs).toSatisfy((ms: number) => ms >= 900_000 && ms <= 900_000 + Date.now() - beforeMs)
})
