// Calls to AWS through a proxy that really makes tunnels, with TLS through it; and through proxies that do not. The hosts of
// AWS are played by local-kms.
import { KeyholdError, type ProxyRules } from '@keyhold/core'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startConnectProxy, type ConnectProxy } from '../../../testkit/src/network/connect-proxy.ts'
import { startTlsFront, type TlsFront } from '../../../testkit/src/network/tls-front.ts'
import {
  customerAccount,
  keyholdAccount,
  startTestServer,
} from '../../../testkit/src/server/start-test-server.ts'
import type { AwsKms } from '../../src/kms/aws-kms.ts'
import { ProxyError, proxyErrorIn } from '../../src/kms/proxied-agent.ts'
import { errorCode, textAt } from '../http/read-body.ts'
import { ref, region, startAws } from './aws-under-test.ts'

const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
const kmsHost = `kms.${region}.amazonaws.com:443`
const stsHost = `sts.${region}.amazonaws.com:443`

const scene = await startAws()
let front: TlsFront
let proxy: ConnectProxy
let endTrust: () => void
let keyArn: string
beforeAll(async () => {
  front = await startTlsFront(Number(new URL(scene.local.url).port), [
    ...['*.eu-west-1.amazonaws.com', '*.eu-west-3.amazonaws.com', 'localhost'],
  ])
  endTrust = front.trust()
  proxy = await startConnectProxy(() => front.port, { credentials: 'keyhold:s3cret' })
  keyArn = await scene.createKey({ MultiRegion: true })
})
afterEach(() => {
  proxy.asked.length = 0
  proxy.refusal = undefined
})
afterAll(async () => {
  endTrust()
  await proxy.close()
  await front.close()
})

const ours = () => `http://keyhold:s3cret@127.0.0.1:${proxy.port}`

function through(rules: Partial<ProxyRules>, endpoint?: string): AwsKms {
  const proxyRules = { proxy: ours(), noProxy: undefined, ...rules }
  return scene.adapter({ endpoint, stsEndpoint: undefined, credentials, proxyRules })
}

async function refusalOf(aws: AwsKms): Promise<KeyholdError> {
  const error: unknown = await aws.createTenantKey(keyArn, ref).catch((reason: unknown) => reason)
  if (!(error instanceof KeyholdError)) throw new Error('it answered')
  // Not even the error that goes into the log has the password.
  expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/s3cret|wr0ng|a2V5aG9sZ/)
  return error
}

test('KMS and STS answer through the tunnel', async () => {
  const aws = through({})
  const { wrapped, key } = await aws.createTenantKey(keyArn, ref)
  expect((await aws.unwrapTenantKey(keyArn, wrapped, ref)).equals(key)).toBe(true)
  expect(await aws.ownPrincipal(region)).toBe(`arn:aws:iam::${keyholdAccount}:root`)
  // Connections are kept: two calls made one tunnel.
  expect(proxy.asked).toEqual([kmsHost, stsHost])
})

test('a role is assumed through it', async () => {
  const arn = `arn:aws:iam::${customerAccount}:role/proxied`
  const principal = { AWS: `arn:aws:iam::${keyholdAccount}:root` }
  scene.local.roles.put({
    arn,
    trust: { Statement: { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' } },
    policy: { Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } },
  })
  const alias = keyArn.replace(/key\/.*/, 'alias/none')
  const asked = through({}).resolveAlias(alias, ref.tenantId, { arn, externalId: 'an-id' })
  await expect(asked).rejects.toMatchObject({ code: 'ERR_KMS_KEY_NOT_FOUND' })
  expect(proxy.asked).toEqual([stsHost, kmsHost])
})

test('the SDK’s own sources of credentials go through it', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-token-'))
  const file = path.join(folder, 'token')
  writeFileSync(file, 'a.b.c')
  const roleArn = `arn:aws:iam::${keyholdAccount}:role/web`
  const chain = { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: roleArn, AWS_REGION: region }
  const before = process.env
  process.env = { ...before, ...chain }
  try {
    const proxyRules = { proxy: ours(), noProxy: undefined }
    const aws = scene.adapter({
      endpoint: undefined,
      stsEndpoint: undefined,
      credentials: undefined,
      proxyRules,
    })
    // local-kms has no such operation. It was asked, and that is what matters.
    await expect(aws.createTenantKey(keyArn, ref)).rejects.toThrow(KeyholdError)
    expect(proxy.asked).toContain(stsHost)
  } finally {
    process.env = before
    await rm(folder, { recursive: true })
  }
})

describe('without the proxy', () => {
  test('is what is on this machine', async () => {
    const aws = through({}, `https://localhost:${front.port}`)
    await aws.createTenantKey(keyArn, ref)
    expect(proxy.asked).toEqual([])
  })

  test('is what NO_PROXY names, while the rest has it', async () => {
    proxy.refusal = 403
    const aws = through({ noProxy: `kms.${region}.amazonaws.com` })
    expect((await refusalOf(aws)).code).not.toBe('ERR_KMS_PROXY')
    await expect(aws.ownPrincipal(region)).rejects.toMatchObject({ code: 'ERR_KMS_PROXY' })
    expect(new Set(proxy.asked)).toEqual(new Set([stsHost]))
  })
})

describe('a proxy that makes no tunnel is an outage, and is named with its setting', () => {
  test.each([
    [403, 'The proxy that HTTPS_PROXY names refuses the connection (403).'],
    [502, 'The proxy that HTTPS_PROXY names refuses the connection (502).'],
    // An answer in the form of one of AWS, with a status that the SDK would take for success.
    [201, 'The proxy that HTTPS_PROXY names refuses the connection (201).'],
    [400, 'The proxy that HTTPS_PROXY names refuses the connection (400).'],
    ['silent' as const, 'The proxy that HTTPS_PROXY names made no connection in time.'],
  ])('%s', async (refusal, message) => {
    proxy.refusal = refusal
    const error = await refusalOf(through({}))
    expect(error).toMatchObject({ code: 'ERR_KMS_PROXY', message, details: { region } })
    expect(proxy.asked).toContain(kmsHost)
  })

  test('one that keeps silent, which is then left: no connection to it stays open', async () => {
    const silent = await startConnectProxy(() => front.port)
    silent.refusal = 'silent'
    await refusalOf(through({ proxy: `http://127.0.0.1:${silent.port}` }))
    await expect.poll(() => silent.open, { timeout: 2_000 }).toBe(0)
    expect(silent.asked).not.toEqual([])
    await silent.close()
  })

  test('one that asks for other credentials', async () => {
    const proxyUrl = `http://keyhold:wr0ng@127.0.0.1:${proxy.port}`
    expect(await refusalOf(through({ proxy: proxyUrl }))).toMatchObject({
      code: 'ERR_KMS_PROXY',
      message: 'The proxy that HTTPS_PROXY names asks for other credentials (407).',
    })
  })

  test('one that is dead', async () => {
    const dead = await startConnectProxy(() => front.port)
    const noScheme = `keyhold:s3cret@127.0.0.1:${dead.port}`
    await dead.close()
    expect(await refusalOf(through({ proxy: noScheme }))).toMatchObject({
      code: 'ERR_KMS_PROXY',
      message: 'The proxy that HTTPS_PROXY names cannot be reached.',
    })
  })
})

test('a KMS that is away behind a proxy that works is not the proxy’s fault', async () => {
  scene.local.regions.takeDown(region, 'refused')
  expect((await refusalOf(through({}))).code).toBe('ERR_KMS_UNREACHABLE')
  scene.local.regions.bringBack(region)
})

test('a certificate that nobody trusts is not accepted through the proxy', async () => {
  endTrust()
  const { code, cause } = await refusalOf(through({}))
  endTrust = front.trust()
  expect(code).toBe('ERR_KMS_FAILED')
  expect(inspect(cause)).toMatch(/self-signed certificate/)
})

test('a server calls AWS through the proxy of its environment, and says which setting is wrong', async () => {
  const server = await startTestServer({ HTTPS_PROXY: ours(), KEYHOLD_KMS_ENDPOINT: 'aws' })
  const { adminToken: token } = await server.createTenant()
  const path = `/api/v1/encryption/policy?account=${customerAccount}&regions=${region}`
  proxy.refusal = 403
  const refused = await server.request('GET', path, { token })
  expect([refused.status, errorCode(refused.body)]).toEqual([503, 'ERR_KMS_PROXY'])
  expect(textAt(refused.body, 'errors', 0, 'title')).toContain('HTTPS_PROXY')
  expect(refused.text).not.toContain(String(proxy.port))
  proxy.refusal = undefined
  expect((await server.request('GET', path, { token })).status).toBe(200)
  expect(new Set(proxy.asked)).toEqual(new Set([stsHost]))
  await server.stop()
})

test('the error of the proxy is found behind other errors', () => {
  const proxyError = new ProxyError('refuses')
  expect(proxyErrorIn(new Error('a', { cause: new Error('b', { cause: proxyError }) }))).toBe(proxyError)
  expect(proxyErrorIn(new Error('a'))).toBeUndefined()
})
