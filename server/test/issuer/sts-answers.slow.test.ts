// A tenant with a key of its own, beside each answer that AWS STS has for an identity token, and for an issuer key that is rotated
// while AWS verifies: the customer's refusals lock, and what is Keyhold's own fault locks nobody and is over as soon as it is mended.
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
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
import { rotateIssuer } from '../../src/wiring/commands/issuer-commands.ts'

const issuerUrl = 'https://id.example.com/keyhold'
const name = 'id.example.com/keyhold'
const roleArn = `arn:aws:iam::${customerAccount}:role/for-keyhold`
const base = '/api/v1/encryption/keyproviders'
const timeout = 60_000

let server: TestServer
let tenant: TestTenant
let fingerprint: string
/** Ends sessions of roles, by the clock of the KMS. */
let aheadMs = 0
/** The answer of STS to an identity token. Undefined: its own. */
let answer: { code: string; message: string; status: number } | undefined
let answered = 0
/** Is called before the issuer's key set is given to AWS. */
let beforeKeySet: (() => Promise<unknown>) | undefined

/** In front of local-kms: the answers of STS that it never gives by itself. */
const sts = createServer((incoming, outgoing) => {
  void (async () => {
    const body = Buffer.concat((await incoming.toArray()) as Buffer[])
    if (answer === undefined || !body.includes('AssumeRoleWithWebIdentity')) {
      forward(server.kms.url, incoming, body, outgoing)
      return
    }
    answered++
    outgoing.writeHead(answer.status, { 'content-type': 'text/xml' })
    outgoing.end(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
      <Code>${answer.code}</Code><Message>${answer.message}</Message></Error></ErrorResponse>`)
  })()
})
/** The public pages, as AWS reaches them. */
const pages = createServer((incoming, outgoing) => {
  void (async () => {
    if (incoming.url?.endsWith('jwks.json') === true) await beforeKeySet?.()
    forward(server.url, incoming, Buffer.alloc(0), outgoing)
  })()
})

function forward(to: string, { method, url, headers }: IncomingMessage, body: Buffer, out: ServerResponse) {
  const onward = httpRequest(new URL(url ?? '/', to), { method, headers }, (inner) => {
    out.writeHead(inner.statusCode ?? 500, inner.headers)
    inner.pipe(out)
  })
  onward.on('error', () => out.destroy())
  onward.end(body)
}

async function listen(each: typeof sts): Promise<string> {
  await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(each.address() as AddressInfo).port}`
}

beforeAll(async () => {
  const [stsUrl, pagesAt] = [await listen(sts), `${await listen(pages)}/keyhold`]
  server = await startTestServer(
    {
      ...{ KEYHOLD_ISSUER_URL: issuerUrl, KEYHOLD_KEY_CACHE_TTL_SECONDS: '1' },
      KEYHOLD_KMS_ENDPOINT: stsUrl,
    },
    { kmsNow: () => Date.now() + aheadMs },
  )
  tenant = await server.createTenant('acme')
  const allow = (principal: string, action: string | string[]) => ({
    ...{ Effect: 'Allow', Principal: { AWS: principal }, Action: action, Resource: '*' },
  })
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      allow(`arn:aws:iam::${customerAccount}:root`, 'kms:*'),
      {
        ...allow(roleArn, ['kms:GenerateDataKey', 'kms:Decrypt']),
        Condition: { StringEquals: { 'kms:EncryptionContext:tenantId': 'acme' } },
      },
      allow(roleArn, 'kms:DescribeKey'),
    ],
  })
  server.kms.roles.put({
    arn: roleArn,
    trust: {
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${customerAccount}:oidc-provider/${name}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: { [`${name}:aud`]: 'sts.amazonaws.com', [`${name}:sub`]: 'keyhold:tenant:acme' },
        },
      },
    },
  })
  const clientIds = ['sts.amazonaws.com']
  server.kms.identityProviders.put({ account: customerAccount, url: issuerUrl, clientIds, pagesAt })
  const { keyArn } = await createKeyWith(server.customerKms(), { MultiRegion: true, Policy: policy })
  const body = { name: 'mine', arn: keyArn, roleArn, roleAccess: 'web-identity' }
  const created = await server.request('POST', base, { token: tenant.adminToken, body })
  fingerprint = (created.body as { arnFingerPrint: string }).arnFingerPrint
  await startMigration(server.url, tenant, fingerprint)
  await waitForMigration(server.url, tenant)
})
afterAll(async () => {
  await server.stop()
  sts.close()
  pages.close()
})
beforeEach(() => {
  answer = undefined
  beforeKeySet = undefined
  answered = 0
})

const encrypt = () =>
  server.request('POST', '/api/v1/encryption/encrypt', {
    token: tenant.serviceToken,
    body: { items: [{ plaintext: 'aGk=', keyName: 'a' }] },
  })
const state = async () => {
  const health = await server.request('GET', `${base}/${fingerprint}/health`, { token: tenant.adminToken })
  return (health.body as { state: string }).state
}
const codeOf = async () => ((await encrypt()).body as { errors?: { code: string }[] }).errors?.[0]?.code
/** Requests succeed, and nobody says any more that the key is denied. */
async function isWell(): Promise<void> {
  await expect.poll(async () => (await encrypt()).status, { timeout }).toBe(200)
  await expect.poll(state, { timeout }).not.toBe('denied')
}
const endSessions = () => {
  aheadMs += 901_000
}

const verificationKey =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
const denying = [
  ['AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403],
  ['InvalidIdentityToken', `No OpenIDConnect provider found in your account for ${issuerUrl}`, 400],
  ['InvalidIdentityToken', 'Incorrect token audience', 400],
] as const
const ours = [
  ['InvalidIdentityToken', verificationKey, 400],
  ['InvalidIdentityToken', 'Words that AWS has never said', 400],
  ['IDPCommunicationError', 'The identity provider did not answer', 400],
  [
    'ExpiredTokenException',
    'Token expired: current date/time 2 must be before the expiration date/time 1',
    400,
  ],
  ['IDPRejectedClaim', 'The identity provider rejected the claim', 403],
  ['RegionDisabledException', 'STS is not activated in this region', 403],
] as const

test.each(ours)(
  '%s "%s": requests fail for a while, the key is not denied, and nobody is locked',
  async (...row) => {
    const [code, message, status] = row
    await isWell()
    answer = { code, message, status }
    endSessions()
    await expect.poll(async () => (await encrypt()).status, { timeout }).not.toBe(200)
    expect(await codeOf()).toMatch(/^ERR_KMS_(ISSUER|CREDENTIALS)$/)
    // Several probes are due meanwhile, and none of them takes it for the customer's word.
    const seen = new Set<string>()
    // A session that is young is begun anew only after a while.
    await expect
      .poll(
        async () => {
          seen.add(await state())
          await encrypt()
          return answered
        },
        { timeout },
      )
      .toBeGreaterThan(0)
    const untilMs = performance.now() + 5_000
    while (performance.now() < untilMs) seen.add(await state())
    expect([...seen].filter((each) => each === 'denied')).toEqual([])
    answer = undefined
    await expect.poll(async () => (await encrypt()).status, { timeout }).toBe(200)
  },
  180_000,
)

test.each(denying)(
  '%s "%s": the tenant is locked, until the customer lets it in',
  async (...row) => {
    const [code, message, status] = row
    await isWell()
    answer = { code, message, status }
    endSessions()
    await expect.poll(async () => (await encrypt()).status, { timeout }).toBe(424)
    await expect.poll(state, { timeout }).toBe('denied')
    answer = undefined
    await expect.poll(async () => (await encrypt()).status, { timeout }).toBe(200)
  },
  180_000,
)

test('a key that is rotated while AWS verifies a token denies and locks nobody', async () => {
  await isWell()
  let rotated = 0
  const operator = { tell: () => undefined, say: () => undefined, confirm: () => Promise.resolve(true) }
  // The token on its way was signed by the key that is gone when AWS reads the pages.
  beforeKeySet = async () => {
    if (rotated++ > 0) return
    const { body } = await server.request('GET', '/keyhold/.well-known/jwks.json')
    await rotateIssuer(server.settings, true, operator)
    await expect
      .poll(async () => (await server.request('GET', '/keyhold/.well-known/jwks.json')).body, { timeout })
      .not.toEqual(body)
  }
  endSessions()
  const seen = new Set<string>()
  await expect
    .poll(
      async () => {
        seen.add(await state())
        return rotated > 0 && (await encrypt()).status
      },
      { timeout },
    )
    .toBe(200)
  // The first token fell in between, and another one has let Keyhold in.
  expect(rotated).toBeGreaterThan(1)
  expect([...seen].filter((each) => each === 'denied')).toEqual([])
}, 180_000)
