// The sessions of a role that is assumed with identity tokens: one for a tenant and role, begun anew in time, and never signed for.
import { keyFromBytes, type RoleByWebIdentity } from '@keyhold/core'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createCustomerRoles, type CustomerRoles } from '../../src/kms/credentials/customer-role.ts'
import { createOwnCredentials } from '../../src/kms/credentials/own-credentials.ts'
import type { SignIn } from '../../src/kms/credentials/web-identity.ts'
import { createIssuerKey, openIssuerKey } from '../../src/kms/issuer/issuer-key.ts'

const rootKey = { id: '7e57'.repeat(4), key: keyFromBytes(Buffer.alloc(32, 7)) }
const key = openIssuerKey(rootKey, await createIssuerKey(rootKey))
const role: RoleByWebIdentity = {
  arn: 'arn:aws:iam::222222222222:role/for-keyhold',
  subjectTenantId: `acme-${'x'.repeat(59)}`,
}

interface Asked {
  headers: IncomingHttpHeaders
  form: URLSearchParams
}
let asked: Asked[]
let signIns: SignIn[]
/** Answers of AWS before the ones that let in. */
let refusals: { code: string; message: string }[]
let upMs = 0
const sts = createServer((request, response) => {
  void (async () => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    asked.push({ headers: request.headers, form: new URLSearchParams(body) })
    response.setHeader('content-type', 'text/xml')
    const refusal = refusals.shift()
    if (refusal !== undefined) {
      const { code, message } = refusal
      response.writeHead(400).end(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
        <Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`)
      return
    }
    response.end(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
      <Credentials><AccessKeyId>id-${asked.length}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
      <SessionToken>token</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>
      </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
  })()
})
let roles: CustomerRoles
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    sts.listen(0, '127.0.0.1', resolve)
  })
})
afterAll(() => sts.close())
beforeEach(() => {
  ;[asked, signIns, refusals] = [[], [], []]
  roles = createCustomerRoles({
    stsEndpoint: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
    // Whoever asks for these has signed.
    own: createOwnCredentials({
      fixed: undefined,
      readChain: () => Promise.reject(new Error('there are none')),
    }),
    issuer: { url: 'https://id.example.com', signer: () => key, now: () => new Date() },
    onSignIn: (signIn) => signIns.push(signIn),
    clock: () => upMs,
  })
})
const tokenOf = ({ form }: Asked) => {
  const [, payload = ''] = (form.get('WebIdentityToken') ?? '').split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string; sub: string }
}

test('it is one unsigned call, for 900 s, in the name of the tenant', async () => {
  expect(await roles.assume(role, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-1' })
  const [{ headers, form } = { headers: {}, form: new URLSearchParams() }] = asked
  expect([headers.authorization, headers['x-amz-security-token']]).toEqual([undefined, undefined])
  expect(Object.fromEntries(form)).toMatchObject({
    ...{ Action: 'AssumeRoleWithWebIdentity', RoleArn: role.arn, DurationSeconds: '900' },
    RoleSessionName: `keyhold-${role.subjectTenantId}`.slice(0, 64),
  })
  expect(form.has('ExternalId')).toBe(false)
  const [first] = asked
  if (first === undefined) throw new Error('nothing was asked')
  const { jti, sub } = tokenOf(first)
  expect(sub).toBe(`keyhold:tenant:${role.subjectTenantId}`)
  expect(signIns).toEqual([
    { tenantId: role.subjectTenantId, roleArn: role.arn, region: 'eu-west-1', tokenId: jti, outcome: 'ok' },
  ])
})

test('a session serves all regions and callers until five minutes before its end', async () => {
  const together = await Promise.all([roles.assume(role, 'eu-west-1'), roles.assume(role, 'eu-west-1')])
  expect(together.map(({ accessKeyId }) => accessKeyId)).toEqual(['id-1', 'id-1'])
  upMs += 599_999
  expect(await roles.assume(role, 'eu-west-3')).toMatchObject({ accessKeyId: 'id-1' })
  // Another tenant, and a try that must show what the trust policy says now, have sessions of their own.
  expect(await roles.assume({ ...role, subjectTenantId: 'other' }, 'eu-west-1')).toMatchObject({
    accessKeyId: 'id-2',
  })
  expect(await roles.assume({ ...role, attempt: 'one' }, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-3' })
  upMs += 1
  expect(await roles.assume(role, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-4' })
  roles.forget(role)
  expect(await roles.assume(role, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-5' })
})

test('a trust that was removed denies at the next session, and a denial is kept by nobody', async () => {
  await roles.assume(role, 'eu-west-1')
  refusals = [{ code: 'AccessDenied', message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity' }]
  expect(await roles.assume(role, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-1' })
  upMs += 600_000
  await expect(roles.assume(role, 'eu-west-1')).rejects.toMatchObject({ code: 'ERR_KMS_DENIED' })
  expect(await roles.assume(role, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-3' })
  expect(signIns.map(({ outcome }) => outcome)).toEqual(['ok', 'denied', 'ok'])
})

test('a token that counts as expired is made anew once; words that are not known are asked once', async () => {
  const expired = { code: 'ExpiredTokenException', message: 'Token expired' }
  refusals = [expired]
  expect(await roles.assume(role, 'eu-west-1')).toMatchObject({ accessKeyId: 'id-2' })
  const [one, two] = asked.map((each) => tokenOf(each).jti)
  expect(one).not.toBe(two)
  roles.forget(role)
  refusals = [expired, expired]
  await expect(roles.assume(role, 'eu-west-1')).rejects.toMatchObject({
    code: 'ERR_KMS_ISSUER',
    details: { fault: 'clock' },
  })
  refusals = [{ code: 'InvalidIdentityToken', message: 'Something new' }]
  asked = []
  await expect(roles.assume(role, 'eu-west-1')).rejects.toMatchObject({
    code: 'ERR_KMS_ISSUER',
    details: { fault: 'unknown' },
  })
  expect(asked).toHaveLength(1)
  expect(signIns.map(({ outcome }) => outcome)).toEqual(['ok', 'clock', 'unknown'])
})
