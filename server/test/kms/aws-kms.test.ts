// The AWS adapter: what it sends, what it takes for an answer, and whose credentials it shows.
import { keyArnFingerprint, parseByokWrap } from '@keyhold/core'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AwsKms } from '../../src/kms/aws-kms.ts'
import { keyholdAccount } from '../../../testkit/src/server/start-test-server.ts'
import { arnIn, otherRegion, ref, region, startAws } from './aws-under-test.ts'
import { describeKms } from './kms-contract.ts'

const { local, aws, adapter, createKey, replicate } = await startAws()
const keyArns = [await createKey({ MultiRegion: true }), await createKey()] as const
const [keyArn, anotherArn] = keyArns

describe('AWS KMS', () => {
  describeKms(() => ({
    kms: aws,
    keyArns,
    unknownKeyArn: `arn:aws:kms:${region}:${keyholdAccount}:key/00000000-0000-4000-8000-000000000000`,
    bindsVersion: false,
  }))
})

test('a wrap names the key by its fingerprint and is nothing but text', async () => {
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  expect(wrapped.toString('latin1')).toMatch(/^#BYOKv1#:[0-9a-f]{32}:[A-Za-z0-9+/]+=*$/)
  expect(parseByokWrap(wrapped.toString('latin1')).fingerprint).toBe(keyArnFingerprint(keyArn))
})

test('a wrap that names another key is refused without asking anybody', async () => {
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  local.resetCallCounts()
  await expect(aws.unwrapTenantKey(anotherArn, wrapped, ref)).rejects.toMatchObject({
    code: 'ERR_KEY_INTEGRITY',
  })
  expect(local.countCalls()).toBe(0)
})

test('every call goes to the region of the ARN', async () => {
  const replica = await replicate(keyArn)
  local.resetCallCounts()
  const { wrapped } = await aws.createTenantKey(replica, ref)
  await aws.unwrapTenantKey(replica, wrapped, ref)
  expect(local.countCalls({ region: otherRegion })).toBe(2)
  expect(local.countCalls({ region })).toBe(0)
  expect(replica).toBe(arnIn(keyArn, otherRegion))
})

test.each(['arn:aws:kms:xx-nowhere-1:222222222222:key/mrk-00000000000000000000000000000001', 'key', ''])(
  'an ARN of no region (%s) is sent nowhere',
  async (arn) => {
    local.resetCallCounts()
    await expect(aws.createTenantKey(arn, ref)).rejects.toMatchObject({ code: 'ERR_ARN_INVALID' })
    expect(local.countCalls()).toBe(0)
  },
)

describe('with an endpoint that says what the test wants', () => {
  interface Seen {
    target: string | undefined
    authorization: string | undefined
    token: string | undefined
    body: Record<string, unknown>
  }
  let server: Server
  let seen: Seen[]
  let answer: Record<string, unknown>
  let fake: AwsKms

  const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64')

  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        seen.push({
          target: request.headers['x-amz-target']?.toString(),
          authorization: request.headers.authorization,
          token: request.headers['x-amz-security-token']?.toString(),
          body: JSON.parse(text) as Record<string, unknown>,
        })
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    fake = adapter({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'KEYHOLDSOWN', secretAccessKey: 'secret' },
    })
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    seen = []
    answer = { KeyId: keyArn, Plaintext: base64(32), CiphertextBlob: base64(184) }
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  const unwrap = async () => {
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    return fake.unwrapTenantKey(keyArn, wrapped, ref)
  }

  test('the context is exactly the tenant’s id, and the key is named in full', async () => {
    await fake.createTenantKey(keyArn, ref)
    await unwrap()
    await fake.inspectKey(keyArn, ref.tenantId).catch(() => undefined)
    const [generate, decrypt] = seen
    expect(generate?.target).toBe('TrentService.GenerateDataKey')
    expect(generate?.body).toEqual({
      KeyId: keyArn,
      KeySpec: 'AES_256',
      EncryptionContext: { tenantId: ref.tenantId },
    })
    expect(decrypt?.target).toBe('TrentService.Decrypt')
    expect(decrypt?.body).toEqual({
      KeyId: keyArn,
      CiphertextBlob: expect.any(String) as string,
      EncryptionContext: { tenantId: ref.tenantId },
    })
  })

  test.each([
    ['comes from another key', { KeyId: anotherArn }],
    ['comes from the same key in another region', { KeyId: arnIn(keyArn, otherRegion) }],
    ['names the key without its account', { KeyId: keyArn.replace(/.*key\//, '') }],
    ['names no key', { KeyId: undefined }],
    ['has no plaintext', { Plaintext: undefined }],
    ['has a plaintext too short', { Plaintext: base64(16) }],
    ['has a plaintext too long', { Plaintext: base64(64) }],
  ])('an answer that %s is refused', async (_, changes) => {
    answer = { ...answer, ...changes }
    const refused = { code: 'ERR_KMS_INVALID_CIPHERTEXT' }
    await expect(unwrap()).rejects.toMatchObject(refused)
    await expect(fake.createTenantKey(keyArn, ref)).rejects.toMatchObject(refused)
  })

  test.each([0, 6_145])('a new wrap of %s bytes, which could not be stored, is refused', async (bytes) => {
    answer = { ...answer, CiphertextBlob: base64(bytes) }
    await expect(fake.createTenantKey(keyArn, ref)).rejects.toMatchObject({
      code: 'ERR_KMS_INVALID_CIPHERTEXT',
    })
  })

  test('it shows the credentials that it was given, never those of the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'THECUSTOMERS')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'customer-secret')
    vi.stubEnv('AWS_SESSION_TOKEN', 'customer-token')
    vi.stubEnv('AWS_REGION', 'us-east-1')
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', 'http://127.0.0.1:1')
    await fake.createTenantKey(keyArn, ref)
    await fake.createTenantKey(arnIn(keyArn, otherRegion), ref).catch(() => undefined)
    await unwrap()
    expect(seen).toHaveLength(3)
    for (const { authorization, token } of seen) {
      expect(authorization).toContain('Credential=KEYHOLDSOWN/')
      expect(authorization).not.toContain('us-east-1')
      expect(token).toBeUndefined()
    }
  })
})

test('closing ends it, and a second time does no harm', async () => {
  const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
  const own = adapter({ endpoint: local.url, credentials })
  await own.createTenantKey(keyArn, ref)
  own.close()
  own.close()
})
