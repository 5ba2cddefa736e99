// Whose fault it is that AWS STS does not take an identity token, by its words; and what stands in a token.
import { createPublicKey, verify, createHash } from 'node:crypto'
import { keyFromBytes } from '@keyhold/core'
import { expect, test } from 'vitest'
import { makeIdentityToken } from '../../src/kms/issuer/identity-token.ts'
import { explainSignIn } from '../../src/kms/issuer/issuer-faults.ts'
import { createIssuerKey, openIssuerKey } from '../../src/kms/issuer/issuer-key.ts'

const thrown = (name: string, message: string) => Object.assign(new Error(message), { name })
test.each([
  ['AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 'ERR_KMS_DENIED', undefined],
  [
    'InvalidIdentityTokenException',
    'No OpenIDConnect provider found in your account for https://id.example.com',
    'ERR_KMS_DENIED',
    undefined,
  ],
  ['InvalidIdentityTokenException', 'Incorrect token audience', 'ERR_KMS_DENIED', undefined],
  [
    'InvalidIdentityTokenException',
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    'ERR_KMS_ISSUER',
    'pages',
  ],
  [
    'InvalidIdentityTokenException',
    'OpenIDConnect provider\u2019s HTTPS certificate doesn\u2019t match configured thumbprint',
    'ERR_KMS_ISSUER',
    'unknown',
  ],
  [
    'InvalidIdentityTokenException',
    'Words that AWS has never said. No OpenIDConnect provider found',
    'ERR_KMS_ISSUER',
    'unknown',
  ],
  ['IDPCommunicationErrorException', 'The IdP did not answer', 'ERR_KMS_ISSUER', 'pages'],
  [
    'ExpiredTokenException',
    'Token expired: current date/time 1 must be before the expiration date/time 0',
    'ERR_KMS_ISSUER',
    'clock',
  ],
  ['IDPRejectedClaimException', 'rejected', 'ERR_KMS_ISSUER', 'clock'],
  ['RegionDisabledException', 'STS is not activated in this region', 'ERR_KMS_CREDENTIALS', undefined],
  ['Throttling', 'Rate exceeded', 'ERR_KMS_THROTTLED', undefined],
  ['TimeoutError', 'too late', 'ERR_KMS_TIMEOUT', undefined],
  ['SomethingNew', 'AccessDenied', 'ERR_KMS_FAILED', undefined],
])('%s "%s" is %s', (name, message, code, fault) => {
  const error = explainSignIn(thrown(name, message), 'eu-west-1')
  expect(error).toMatchObject({ code, details: { action: 'AssumeRoleWithWebIdentity', region: 'eu-west-1' } })
  expect(error.details.fault).toBe(fault)
})

const rootKey = { id: '7e57'.repeat(4), key: keyFromBytes(Buffer.alloc(32, 7)) }
const wrapped = await createIssuerKey(rootKey)
const key = openIssuerKey(rootKey, wrapped)

test('a token says who, for whom and until when, and nothing else', () => {
  const now = new Date('2026-03-01T00:00:00.900Z')
  const facts = { issuer: 'https://id.example.com/a', tenantId: 'acme', audience: 'sts.amazonaws.com', now }
  const { token, id } = makeIdentityToken(key, facts)
  const [header = '', payload = '', signature = ''] = token.split('.')
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  const iat = Date.parse('2026-03-01T00:00:00Z') / 1_000
  expect(read(header)).toEqual({ alg: 'RS256', kid: wrapped.id, typ: 'JWT' })
  expect(read(payload)).toEqual({
    ...{ iss: 'https://id.example.com/a', sub: 'keyhold:tenant:acme', aud: 'sts.amazonaws.com' },
    ...{ iat, nbf: iat - 30, exp: iat + 300, jti: id },
  })
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
  const signed = Buffer.from(`${header}.${payload}`)
  expect(verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
  expect(makeIdentityToken(key, facts).id).not.toBe(id)
})

test('a key has 3,072 bits, its RFC 7638 name, and no private member', () => {
  const { n, e, kid, ...rest } = key.publicJwk
  expect(Buffer.from(n, 'base64url')).toHaveLength(384)
  expect(kid).toBe(createHash('sha256').update(`{"e":"${e}","kty":"RSA","n":"${n}"}`).digest('base64url'))
  expect(rest).toEqual({ kty: 'RSA', alg: 'RS256', use: 'sig' })
})

test('a key opens under its own name and root key alone', () => {
  const other = { id: '0'.repeat(16), key: keyFromBytes(Buffer.alloc(32, 8)) }
  const bad = Buffer.from(wrapped.privateKeyWrapped)
  bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
  const failing = [
    () => openIssuerKey(other, wrapped),
    () => openIssuerKey(rootKey, { ...wrapped, id: 'another' }),
    () => openIssuerKey(rootKey, { ...wrapped, privateKeyWrapped: bad }),
  ]
  for (const open of failing) expect(open).toThrow(expect.objectContaining({ code: 'ERR_KEY_INTEGRITY' }))
})
