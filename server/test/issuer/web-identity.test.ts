// Keyhold signs in at a customer's AWS with its own identity tokens: from the registration of a key to the day on which the customer,
// or the public pages of the issuer, refuse. local-kms checks each token by the pages that the server serves.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createKeyWith } from '../../../testkit/src/customer/create-customer-key.ts'
import {
  customerAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { waitForMigration } from '../../../testkit/src/tenants/wait-for-migration.ts'
import type { GuardedFetch } from '../../src/guarded-fetch/guarded-fetch.ts'
import { issuerCheck } from '../../src/wiring/commands/doctor/issuer-check.ts'
import { checkIssuer, exportIssuer, rotateIssuer } from '../../src/wiring/commands/issuer-commands.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const issuerUrl = 'https://id.example.com/keyhold'
const name = 'id.example.com/keyhold'
const roleArn = `arn:aws:iam::${customerAccount}:role/for-keyhold`
const providerArn = `arn:aws:iam::${customerAccount}:oidc-provider/${name}`
const base = '/api/v1/encryption/keyproviders'

let server: TestServer
let tenant: TestTenant
let keyArn: string
// Sessions of roles end by the clock of the KMS.
let aheadMs = 0
const endSessions = () => {
  aheadMs += 901_000
}
beforeAll(async () => {
  server = await startTestServer(
    { KEYHOLD_ISSUER_URL: issuerUrl, KEYHOLD_KEY_CACHE_TTL_SECONDS: '1' },
    { kmsNow: () => Date.now() + aheadMs },
  )
  tenant = await server.createTenant('acme')
  const statements = [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${customerAccount}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
    {
      Effect: 'Allow',
      Principal: { AWS: roleArn },
      Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
      Resource: '*',
      Condition: { StringEquals: { 'kms:EncryptionContext:tenantId': 'acme' } },
    },
    { Effect: 'Allow', Principal: { AWS: roleArn }, Action: 'kms:DescribeKey', Resource: '*' },
  ]
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  keyArn = (await createKeyWith(server.customerKms(), { MultiRegion: true, Policy: policy })).keyArn
})
afterAll(() => server.stop())

const trust = (condition: object) => ({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Federated: providerArn },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: condition,
  },
})
const right = {
  StringEquals: { [`${name}:aud`]: 'sts.amazonaws.com', [`${name}:sub`]: 'keyhold:tenant:acme' },
}
const letIn = (condition: object = right) => {
  server.kms.roles.put({ arn: roleArn, trust: trust(condition) })
}
const makeProvider = (clientIds = ['sts.amazonaws.com'], pagesAt = `${server.url}/keyhold`) => {
  server.kms.identityProviders.put({ account: customerAccount, url: issuerUrl, clientIds, pagesAt })
}
beforeEach(() => {
  letIn()
  makeProvider()
})

const call = (method: string, path: string, body?: unknown, token = tenant.adminToken) =>
  server.request(method, path, { token, ...(body !== undefined && { body }) })
const check = async () =>
  (await call('POST', `${base}/actions/check`, { arn: keyArn, roleArn, roleAccess: 'web-identity' })).body
const encrypt = (keyName: string) =>
  call('POST', '/api/v1/encryption/encrypt', { items: [{ plaintext: 'aGk=', keyName }] }, tenant.serviceToken)

test('the public pages are open to all, to be kept for an hour, and name the issuer', async () => {
  const pages = await Promise.all(
    ['openid-configuration', 'jwks.json'].map((page) =>
      server.request('GET', `/keyhold/.well-known/${page}`),
    ),
  )
  for (const { status, headers } of pages) {
    expect([
      status,
      headers.get('cache-control'),
      headers.get('access-control-allow-origin'),
      headers.get('set-cookie'),
    ]).toEqual([200, 'public, max-age=3600', '*', null])
  }
  expect(pages[0]?.body).toMatchObject({
    issuer: issuerUrl,
    jwks_uri: `${issuerUrl}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ['RS256'],
  })
  expect(pages[0]?.body).not.toHaveProperty('authorization_endpoint')
  expect(pages[1]?.body).toEqual({
    keys: [
      {
        kty: 'RSA',
        alg: 'RS256',
        use: 'sig',
        kid: expect.any(String) as string,
        e: 'AQAB',
        n: expect.any(String) as string,
      },
    ],
  })
  const post = await server.request('POST', '/keyhold/.well-known/jwks.json')
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

test('the policy has what to paste, and what is pasted lets this tenant in', async () => {
  const query = `arn=${encodeURIComponent(keyArn)}&roleArn=${encodeURIComponent(roleArn)}&roleAccess=web-identity`
  const { status, body } = await call('GET', `/api/v1/encryption/policy?${query}`)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    principals: [],
    identityProvider: {
      ...{
        arn: providerArn,
        url: issuerUrl,
        clientIds: ['sts.amazonaws.com'],
        subject: 'keyhold:tenant:acme',
      },
      awsCli: `aws iam create-open-id-connect-provider --url '${issuerUrl}' --client-id-list 'sts.amazonaws.com'\n`,
    },
    trustPolicy: {
      Statement: [
        { Principal: { Federated: providerArn }, Action: 'sts:AssumeRoleWithWebIdentity', Condition: right },
      ],
    },
  })
  server.kms.roles.put({ arn: roleArn, trust: (body as { trustPolicy: unknown }).trustPolicy })
  expect(await check()).toMatchObject({ accepted: true })
})

test.each([
  ['no condition on the subject', { StringEquals: { [`${name}:aud`]: 'sts.amazonaws.com' } }],
  ['a wildcard', { StringLike: { [`${name}:sub`]: 'keyhold:tenant:*' } }],
])('a trust policy with %s is refused at the registration', async (_, condition) => {
  letIn(condition)
  const { status, body } = await call('POST', base, {
    name: 'wide',
    arn: keyArn,
    roleArn,
    roleAccess: 'web-identity',
  })
  expect(status).toBe(406)
  expect(body).toMatchObject({
    errors: [{ code: 'ERR_ROLE_TRUST_TOO_WIDE', detail: expect.stringContaining('"sub"') as string }],
  })
})

test.each([
  [
    'the trust names another tenant',
    () => {
      letIn({ StringEquals: { [`${name}:sub`]: 'keyhold:tenant:other' } })
    },
    'Encryption-88',
    'identity token',
  ],
  [
    'the trust asks for another audience',
    () => {
      letIn({ StringEquals: { ...right.StringEquals, [`${name}:aud`]: 'api://other' } })
    },
    'Encryption-88',
    'identity token',
  ],
  [
    'the role is gone',
    () => {
      server.kms.roles.delete(roleArn)
    },
    'Encryption-88',
    'identity token',
  ],
  [
    'the account has no identity provider',
    () => {
      server.kms.identityProviders.delete(customerAccount, issuerUrl)
    },
    'Encryption-88',
    'identity provider',
  ],
  [
    'the identity provider lacks the client id',
    () => {
      makeProvider(['api://other'])
    },
    'Encryption-88',
    'client id',
  ],
  [
    'the public pages cannot be fetched',
    () => {
      makeProvider(undefined, `${server.url}/elsewhere`)
    },
    'ERR_KMS_ISSUER',
    'issuer check',
  ],
])('%s: a check says so', async (_, change, code, words) => {
  change()
  const found = (await check()) as { checks: { check: string; outcome: string }[] }
  expect(found).toMatchObject({
    accepted: false,
    error: { code, message: expect.stringContaining(words) as string },
  })
  // Where AWS has not come to look at the role, nobody knows whom it lets in.
  const tried = found.checks.filter((each) => each.check === 'TokenSubject').map(({ outcome }) => outcome)
  expect(tried).toEqual([words === 'identity token' ? 'passed' : 'failed'])
})

test('without an issuer, or without a role, there is no such access', async () => {
  const { status, body } = await call('POST', base, {
    name: 'no role',
    arn: keyArn,
    roleAccess: 'web-identity',
  })
  expect([status, body]).toMatchObject([417, { errors: [{ code: 'ERR_ROLE_ARN_INVALID' }] }])
})

// The pages of the server, as if it were reached under the URL of the issuer.
const published: GuardedFetch = async (url) => {
  const answer = await fetch(url.replace(issuerUrl, `${server.url}/keyhold`))
  return { status: answer.status, headers: {}, body: Buffer.from(await answer.text()) }
}

slowTest('the exported files are the served pages, and a check finds what differs', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-issuer-'))
  try {
    const files = await exportIssuer(server.settings, folder)
    expect(files.map((file) => path.relative(folder, file))).toEqual([
      '.well-known/openid-configuration',
      '.well-known/jwks.json',
    ])
    for (const file of files) {
      const served = await server.request('GET', `/keyhold/${path.relative(folder, file)}`)
      expect(await readFile(file, 'utf8')).toBe(served.text)
    }
    const { body } = await server.request('GET', '/keyhold/.well-known/jwks.json')
    const [old] = (body as { keys: { kid: string }[] }).keys
    expect(await checkIssuer(server.settings, published)).toEqual([])
    const away: GuardedFetch = () => Promise.resolve({ status: 404, headers: {}, body: Buffer.alloc(0) })
    expect(await checkIssuer(server.settings, away)).toEqual([
      `${issuerUrl}/.well-known/openid-configuration answers 404.`,
      `${issuerUrl}/.well-known/jwks.json answers 404.`,
    ])
    expect(
      await issuerCheck(
        server.settings,
        () => true,
        (each) => checkIssuer(each, published),
      ).look(),
    ).toMatchObject({
      status: 'ok',
    })

    const told: string[] = []
    const operator = { tell: (line: string) => told.push(line), say: () => undefined }
    const no = { ...operator, confirm: () => Promise.resolve(false) }
    expect(await rotateIssuer(server.settings, true, no)).toBe(false)
    const yes = { ...operator, confirm: () => Promise.resolve(true) }
    expect(await rotateIssuer(server.settings, true, yes)).toBe(true)
    await expect.poll(() => checkIssuer(server.settings, published)).toEqual([])
    const copied: GuardedFetch = async (url) => ({
      ...{ status: 200, headers: {} },
      body: await readFile(path.join(folder, url.slice(issuerUrl.length))),
    })
    const problems = [
      `The key set lacks the key ${told[0] ?? ''}.`,
      `The key set has a key that this installation does not publish: ${old?.kid ?? ''}.`,
    ]
    expect(await checkIssuer(server.settings, copied)).toEqual(problems)
    expect(
      await issuerCheck(
        server.settings,
        () => true,
        (each) => checkIssuer(each, copied),
      ).look(),
    ).toMatchObject({
      ...{ status: 'fail', seen: problems.join(' ') },
      advice: expect.stringContaining('issuer export DIR') as string,
    })
    expect(await check()).toMatchObject({ accepted: true })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('while a replica of the version before is alive, no row is written that it takes for forged', async () => {
  await server.query(`insert into keyhold.replicas (id, knows_api_key_limits) values ('old', true)`)
  try {
    const { status, body } = await call('POST', base, {
      ...{ name: 'early', arn: keyArn, roleArn, roleAccess: 'web-identity' },
    })
    expect([status, body]).toMatchObject([409, { errors: [{ code: 'ERR_REPLICAS_OLDER' }] }])
    const sure = { tell: () => undefined, say: () => undefined, confirm: () => Promise.resolve(true) }
    await expect(rotateIssuer(server.settings, true, sure)).rejects.toMatchObject({
      code: 'ERR_REPLICAS_OLDER',
    })
    // A next key changes no row that it reads.
    expect(await rotateIssuer(server.settings, false, sure)).toBe(true)
  } finally {
    await server.query(`delete from keyhold.replicas where id = 'old'`)
  }
})

slowTest('without the setting the commands say so', async () => {
  const settings = { ...server.settings, issuerUrl: undefined }
  await expect(exportIssuer(settings, '/nowhere')).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  expect(await issuerCheck(settings, () => true).look()).toBeUndefined()
  expect(await issuerCheck(server.settings, () => undefined).look()).toBeUndefined()
})

test('no tenant gets the id with which policies are tried', async () => {
  const { status } = await call(
    'POST',
    '/api/v1/tenants',
    { id: 'keyhold-probe', name: 'x' },
    server.operatorToken,
  )
  expect(status).toBe(409)
})

test('registered, migrated and used; a removed trust locks, and pages that are away lock nobody', async () => {
  const created = await call('POST', base, { name: 'mine', arn: keyArn, roleArn, roleAccess: 'web-identity' })
  expect([created.status, created.body]).toMatchObject([201, { roleArn, roleAccess: 'web-identity' }])
  const { arnFingerPrint } = created.body as { arnFingerPrint: string }
  await startMigration(server.url, tenant, arnFingerPrint)
  await waitForMigration(server.url, tenant)
  expect((await encrypt('a')).status).toBe(200)
  const health = async () => (await call('GET', `${base}/${arnFingerPrint}/health`)).body

  // Nobody can check new tokens: no session is begun, so that calls are refused as an outage is, and the key does not count as denied.
  endSessions()
  makeProvider(undefined, `${server.url}/elsewhere`)
  const codeOf = async () => ((await encrypt('a')).body as { errors?: { code: string }[] }).errors?.[0]?.code
  await expect.poll(codeOf, { timeout: 20_000 }).toBe('ERR_KMS_ISSUER')
  expect((await encrypt('a')).status).toBe(503)
  expect(await health()).not.toMatchObject({ state: 'denied' })
  makeProvider()
  await expect.poll(async () => (await encrypt('a')).status, { timeout: 20_000 }).toBe(200)

  // The customer's refusal locks within the TTL, which is one second here.
  endSessions()
  letIn({ StringEquals: { [`${name}:sub`]: 'keyhold:tenant:nobody' } })
  const refusedAt = performance.now()
  await expect.poll(async () => (await encrypt('a')).status, { timeout: 20_000 }).toBe(424)
  expect(performance.now() - refusedAt).toBeLessThan(15_000)
  expect(await health()).toMatchObject({
    state: 'denied',
    cause: expect.stringContaining('does not let Keyhold in') as string,
  })
  letIn()
  await expect.poll(async () => (await encrypt('a')).status, { timeout: 20_000 }).toBe(200)
  const [row] = await server.query(
    `select reached_as, role_arn, external_id from keyhold.tenant_keys where state = 'active' and tenant_id = 'acme'`,
  )
  expect(row).toMatchObject({ reached_as: 'web-identity', role_arn: roleArn, external_id: null })
}, 120_000)
