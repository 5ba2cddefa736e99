// How long a session of a customer's role is used, if the clocks of AWS and of this replica differ; and who Keyhold itself is,
// while its credentials change and where a region does not answer.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCustomerRoles, type CustomerRoles } from '../../../src/kms/credentials/customer-role.ts'
import { createOwnAccount } from '../../../src/kms/errors/own-account.ts'
import { createOwnCredentials } from '../../../src/kms/credentials/own-credentials.ts'

let expiration: Date
/** Holds back what the region answers that does not exist. */
let hold: Promise<unknown> = Promise.resolve()
const invented = 'eu-west-9'
const asked: string[] = []
const sts = createServer((request, response) => {
  void answer(request, response)
})
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = Buffer.concat((await request.toArray()) as Buffer[]).toString()
  response.setHeader('content-type', 'text/xml')
  const [, account = '', region = ''] =
    /Credential=([^/]+)\/\d+\/([^/]+)/.exec(request.headers.authorization ?? '') ?? []
  if (text.includes('GetCallerIdentity')) {
    asked.push(`${account} ${region}`)
    if (region === invented) {
      await hold
      response.writeHead(503).end()
      return
    }
    response.end(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
      <Arn>arn:aws:iam::${account}:user/keyhold</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
    return
  }
  response.end(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
    <AccessKeyId>id</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
    <Expiration>${expiration.toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
}
const portOf = () => (sts.address() as AddressInfo).port
let roles: CustomerRoles
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    sts.listen(0, '127.0.0.1', resolve)
  })
  roles = createCustomerRoles({
    stsEndpoint: `http://127.0.0.1:${portOf()}`,
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

const policyOf = (account: string) => ({
  message: `User: arn:aws:iam::${account}:user/keyhold is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:222222222222:key/k with an explicit deny in an identity-based policy`,
})

test('other credentials are another principal, whose policies are Keyhold’s own', async () => {
  let accessKeyId = '111111111111'
  let nowMs = 0
  const own = createOwnCredentials({
    fixed: undefined,
    readChain: () => Promise.resolve({ accessKeyId, secretAccessKey: 'own', expiration: new Date(0) }),
    clock: () => nowMs,
  })
  const changing = createCustomerRoles({ stsEndpoint: `http://127.0.0.1:${portOf()}`, own })
  const codeOf = async (account: string) => {
    const thrown = Object.assign(new Error(policyOf(account).message), { name: 'AccessDeniedException' })
    return (await changing.explain(thrown, { action: 'Decrypt', region: 'eu-west-1' })).code
  }
  asked.length = 0
  for (const account of ['111111111111', '333333333333']) {
    accessKeyId = account
    nowMs += 60_000
    expect(await changing.ownPrincipal('eu-west-1')).toBe(`arn:aws:iam::${account}:user/keyhold`)
    expect(await changing.ownPrincipal('eu-west-3')).toBe(`arn:aws:iam::${account}:user/keyhold`)
    expect(await codeOf(account)).toBe('ERR_KMS_OWN_POLICY')
  }
  expect(await codeOf('111111111111')).toBe('ERR_KMS_DENIED')
  expect(asked).toEqual(['111111111111 eu-west-1', '333333333333 eu-west-1'])
  changing.close()
})

test('a region that does not answer fails those alone who ask for it', async () => {
  const held = Promise.withResolvers<undefined>()
  hold = held.promise
  const fresh = createCustomerRoles({
    stsEndpoint: `http://127.0.0.1:${portOf()}`,
    own: createOwnCredentials({ fixed: { accessKeyId: '111111111111', secretAccessKey: 'own' } }),
  })
  const findAccount = createOwnAccount(
    (region) => fresh.ownPrincipal(region),
    () => 0,
  )
  const fails = expect(findAccount(invented)).resolves.toBeUndefined()
  asked.length = 0
  await expect.poll(() => asked).toContain(`111111111111 ${invented}`)
  const elsewhere = fresh.ownPrincipal('eu-west-1')
  held.resolve(undefined)
  await fails
  expect(await elsewhere).toBe('arn:aws:iam::111111111111:user/keyhold')
  fresh.close()
})

test('nor is another region left unasked afterwards', async () => {
  const fresh = createCustomerRoles({
    stsEndpoint: `http://127.0.0.1:${portOf()}`,
    own: createOwnCredentials({ fixed: { accessKeyId: '111111111111', secretAccessKey: 'own' } }),
  })
  const findAccount = createOwnAccount(
    (region) => fresh.ownPrincipal(region),
    () => 0,
  )
  expect(await findAccount(invented)).toBeUndefined()
  expect(await findAccount('eu-west-1')).toBe('111111111111')
  fresh.close()
})
