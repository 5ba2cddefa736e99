// AssumeRoleWithWebIdentity: whose tokens make a role, by the pages of their issuer; and what AWS says to the others.
import {
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSServiceException,
} from '@aws-sdk/client-sts'
import { createSign, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ownerAccount, startKms, strangerAccount } from './kms-under-test.ts'

const kms = await startKms()
const url = 'https://id.example.com/a'
const name = 'id.example.com/a'
const roleArn = `arn:aws:iam::${ownerAccount}:role/partners/keyhold`
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }

let pages: Record<string, unknown>
const web = createServer((request, response) => {
  const page = pages[request.url ?? '']
  response.writeHead(page === undefined ? 404 : 200).end(page === undefined ? '' : JSON.stringify(page))
})
const pagesAt = () => `http://127.0.0.1:${(web.address() as AddressInfo).port}`
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    web.listen(0, '127.0.0.1', resolve)
  })
})
afterAll(() => web.close())
const put = (clientIds = ['sts.amazonaws.com']) => {
  kms.identityProviders.put({ account: ownerAccount, url, clientIds, pagesAt: pagesAt() })
}
const trust = (condition: object) => {
  const provider = `arn:aws:iam::${ownerAccount}:oidc-provider/${name}`
  const statement = {
    Effect: 'Allow',
    Principal: { Federated: provider },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: condition,
  }
  kms.roles.put({ arn: roleArn, trust: { Version: '2012-10-17', Statement: statement } })
}
beforeEach(() => {
  pages = {
    '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/.well-known/jwks.json` },
    '/.well-known/jwks.json': { keys: [jwk] },
  }
  put()
  trust({ StringEquals: { [`${name}:aud`]: 'sts.amazonaws.com', [`${name}:sub`]: 'keyhold:tenant:acme' } })
})

const nowSeconds = Math.floor(Date.now() / 1_000)
const usual = {
  iss: url,
  sub: 'keyhold:tenant:acme',
  aud: 'sts.amazonaws.com',
  iat: nowSeconds,
  exp: nowSeconds + 300,
}
function token(claims: object = {}, header: object = {}, key = privateKey): string {
  const input = [
    { alg: 'RS256', kid: 'one', typ: 'JWT', ...header },
    { ...usual, ...claims },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${createSign('sha256').update(input).sign(key).toString('base64url')}`
}

// The SDK sends it without a signature, whatever credentials it has.
const client = kms.stsClient({ accessKeyId: strangerAccount })
const assume = (webIdentityToken: string) =>
  client.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArn,
      RoleSessionName: 'keyhold-acme',
      WebIdentityToken: webIdentityToken,
      DurationSeconds: 900,
    }),
  )
async function refusal(webIdentityToken: string): Promise<[string, string, number | undefined]> {
  const error: unknown = await assume(webIdentityToken).catch((reason: unknown) => reason)
  if (!(error instanceof STSServiceException)) throw new Error('expected a refusal of STS', { cause: error })
  return [error.name, error.message, error.$metadata.httpStatusCode]
}

test('a token of the tenant makes the role', async () => {
  const { Credentials: given } = await assume(token())
  const session = kms.stsClient({
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  })
  expect(await session.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Arn: `arn:aws:sts::${ownerAccount}:assumed-role/keyhold/keyhold-acme`,
  })
  trust({ StringLike: { [`${name}:sub`]: 'keyhold:tenant:*' } })
  await expect(assume(token({ sub: 'keyhold:tenant:other' }))).resolves.toBeDefined()
})

const denied = ['AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403]
const noKey = [
  'InvalidIdentityTokenException',
  expect.stringMatching(/^Couldn't retrieve verification key from your identity provider/),
  400,
]
const noToken = [
  'InvalidIdentityTokenException',
  expect.stringMatching(/^The ID Token provided is not a valid JWT/),
  400,
]
test.each<[string, () => string, unknown[]]>([
  ['another tenant', () => token({ sub: 'keyhold:tenant:other' }), denied],
  ['no role', () => (kms.roles.delete(roleArn), token()), denied],
  [
    'a role that trusts AWS principals alone',
    () => (
      kms.roles.put({
        arn: roleArn,
        trust: {
          Statement: {
            Effect: 'Allow',
            Principal: { AWS: ownerAccount },
            Action: 'sts:AssumeRoleWithWebIdentity',
          },
        },
      }),
      token()
    ),
    denied,
  ],
  [
    'no provider',
    () => (kms.identityProviders.delete(ownerAccount, url), token()),
    ['InvalidIdentityTokenException', `No OpenIDConnect provider found in your account for ${url}`, 400],
  ],
  [
    'another issuer',
    () => token({ iss: `${url}/` }),
    ['InvalidIdentityTokenException', `No OpenIDConnect provider found in your account for ${url}/`, 400],
  ],
  [
    'another audience',
    () => token({ aud: 'api://other' }),
    ['InvalidIdentityTokenException', 'Incorrect token audience', 400],
  ],
  [
    'an authorized party',
    () => token({ azp: 'another' }),
    ['InvalidIdentityTokenException', 'Incorrect token audience', 400],
  ],
  ['pages that are away', () => ((pages = {}), token()), noKey],
  ['an unknown kid', () => token({}, { kid: 'two' }), noKey],
  ['no kid', () => token({}, { kid: undefined }), noKey],
  ['no algorithm', () => token({}, { alg: 'none' }), noKey],
  [
    'another key',
    () => token({}, {}, other.privateKey),
    ['InvalidIdentityTokenException', 'Provided Token is not a valid token', 400],
  ],
  [
    'a token that has expired',
    () => token({ exp: nowSeconds - 1 }),
    [
      'ExpiredTokenException',
      expect.stringMatching(/^Token expired: current date\/time \d+ must be before/),
      400,
    ],
  ],
  ['no expiry', () => token({ exp: undefined }), noToken],
  ['two audiences', () => token({ aud: ['sts.amazonaws.com', 'b'] }), noToken],
  ['no token', () => 'nothing', noToken],
])('%s is refused in the words of AWS', async (_, make, expected) => {
  expect(await refusal(make())).toEqual(expected)
})

test('the token of a session beside it breaks the call', async () => {
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'keyhold-acme',
    WebIdentityToken: token(),
  })
  const answer = await fetch(kms.url, {
    method: 'POST',
    body: form,
    headers: { 'x-amz-security-token': 'one' },
  })
  expect([answer.status, await answer.text()]).toEqual([
    403,
    expect.stringContaining('<Code>InvalidClientTokenId</Code>'),
  ])
})

test('providers are made over HTTP, and wrong ones refused', async () => {
  const at = `${kms.url}/_local-kms/identity-providers/${encodeURIComponent(`${ownerAccount}/${url}`)}`
  const send = (method: string, body?: object) =>
    fetch(at, { method, ...(body && { body: JSON.stringify(body) }) })
  expect((await send('DELETE')).status).toBe(204)
  expect((await send('DELETE')).status).toBe(404)
  expect(
    (await send('PUT', { clientIds: ['sts.amazonaws.com'], pagesAt: 'http://id.example.com' })).status,
  ).toBe(400)
  expect((await send('PUT', { clientIds: [], pagesAt: pagesAt() })).status).toBe(400)
  expect((await send('PUT', { clientIds: ['sts.amazonaws.com'], pagesAt: pagesAt() })).status).toBe(201)
  await expect(assume(token())).resolves.toBeDefined()
})
