// Keys that an issuer serves over HTTPS: garbage, too much, too late and redirects are no keys.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGuardedFetch } from '../../src/guarded-fetch/guarded-fetch.ts'
import { parsePrivateHosts } from '../../src/guarded-fetch/private-hosts.ts'
import type { KeySource } from '../../src/issuers/file/issuers-form.ts'
import { KeySetFault, parseJwks } from '../../src/issuers/keys/parse-jwks.ts'
import { createReadKeys } from '../../src/issuers/keys/read-keys.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { createTestIssuer, issuerUrl, type TestIssuer } from '../../../testkit/src/network/test-issuer.ts'

let folder: string
let caFile: string
let tokenFile: string
let server: Server
let port: number
let issuer: TestIssuer
let answer: RequestListener
const asked: (string | undefined)[] = []

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-keys-'))
  const authority = createTestAuthority()
  const { key, certificate: cert } = authority.issue(['idp.internal'])
  ;[caFile, tokenFile] = [path.join(folder, 'ca'), path.join(folder, 'token')]
  await writeFile(caFile, authority.certificate)
  await writeFile(tokenFile, 'a-token\n')
  issuer = await createTestIssuer()
  server = createServer({ key, cert }, (request, response) => {
    asked.push(request.headers.authorization)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ;({ port } = server.address() as AddressInfo)
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

function readFrom(keys: KeySource, privateHosts = `idp.internal:${port}=127.0.0.0/8`) {
  const fetch = createGuardedFetch({
    privateHosts: parsePrivateHosts(privateHosts) ?? [],
    lookUp: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  })
  return createReadKeys({ keys, issuer: issuerUrl, algorithms: ['ES256'], caFile, tokenFile }, fetch)()
}
const url = (place = '/keys') => `https://idp.internal:${port}${place}`
const atUrl = () => readFrom({ kind: 'url', url: url() })
const always =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end(body)

describe('keys over HTTPS', () => {
  test('are read with the CA and the token of their files, and with their age', async () => {
    answer = always(200, issuer.jwks, { 'cache-control': 'public, max-age=900' })
    const { keys, maxAgeSeconds } = await atUrl()
    expect([[...keys.keys()], maxAgeSeconds, asked.at(-1)]).toEqual([['k1'], 900, 'Bearer a-token'])
  })

  test('are found by discovery, from the document of the issuer itself alone', async () => {
    let named = issuerUrl
    answer = (request, response) => {
      const document = { issuer: named, jwks_uri: url() }
      response.end(request.url === '/keys' ? issuer.jwks : JSON.stringify(document))
    }
    const discovery = { kind: 'discovery', url: url('/.well-known/openid-configuration') } as const
    expect((await readFrom(discovery)).keys.size).toBe(1)
    named = `${issuerUrl}/`
    await expect(readFrom(discovery)).rejects.toThrow(/for another issuer/)
    answer = always(200, '[]')
    await expect(readFrom(discovery)).rejects.toThrow(KeySetFault)
  })

  test.each<[string, RequestListener, RegExp]>([
    ['another status', always(500, '{}'), /answers with 500/],
    ['no JSON', always(200, '<html>'), /no JSON/],
    ['a name twice', always(200, '{"keys":[],"keys":[]}'), /no JSON/],
    ['no set', always(200, '{"keys":{}}'), /no set of keys/],
    ['an empty set', always(200, '{"keys":[]}'), /no key/],
    [
      '101 keys',
      always(200, JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) })),
      /more than 100/,
    ],
    ['more than 256 KiB', always(200, ' '.repeat(262_145)), /more than 262144 bytes/],
    ['a redirect', always(302, '', { location: 'https://192.0.2.1/' }), /redirect/],
    ['a compressed body', always(200, '{}', { 'content-encoding': 'gzip' }), /compressed/],
    ['an end too early', (request) => request.socket.destroy(), /cannot be called/],
  ])('%s is an error', async (_, listener, words) => {
    answer = listener
    await expect(atUrl()).rejects.toThrow(words)
  })

  test('that never end are given up after five seconds', { timeout: 20_000 }, async () => {
    answer = (_request, response) => response.writeHead(200).write('{')
    const begunMs = performance.now()
    await expect(atUrl()).rejects.toThrow(/in time/)
    expect(performance.now() - begunMs).toBeGreaterThan(4_900)
  })

  test('are not asked of a host in a private network that is not listed', async () => {
    const asking = asked.length
    await expect(
      readFrom({ kind: 'url', url: url() }, `other.internal:${port}=127.0.0.0/8`),
    ).rejects.toMatchObject({
      code: 'ERR_ADDRESS_REFUSED',
    })
    expect(asked).toHaveLength(asking)
  })
})

test('a file that is none is an error', async () => {
  await expect(readFrom({ kind: 'file', file: folder })).rejects.toThrow(/no file/)
  await expect(readFrom({ kind: 'file', file: path.join(folder, 'none') })).rejects.toMatchObject({
    code: 'ENOENT',
  })
})

describe('of a set', () => {
  const parse = (...keys: object[]) => [...parseJwks(Buffer.from(JSON.stringify({ keys })), ['ES256']).keys()]

  test('keys for something else are left out', async () => {
    const { jwk } = issuer
    const p384 = await createTestIssuer('p384', 'ES384')
    const others = [
      { ...jwk, kid: 'enc', use: 'enc' },
      { ...jwk, kid: 'ops', key_ops: ['sign'] },
      { ...jwk, kid: 'alg', alg: 'RS256' },
      { ...jwk, kid: '' },
      { ...jwk, kid: 1 },
      { ...jwk, kid: 'x'.repeat(256) },
      { ...jwk, kid: 'private', d: 'AA' },
      { ...jwk, kid: 'point', x: 'AAAA' },
      { kid: 'oct', kty: 'oct', k: 'AA', alg: 'HS256' },
      p384.jwk,
      null as unknown as object,
    ]
    expect(parse(jwk, ...others)).toEqual(['k1'])
  })

  test('a key id that stands there twice means neither', async () => {
    const other = await createTestIssuer('k1')
    expect(() => parse(issuer.jwk, other.jwk)).toThrow(/no key/)
    expect(() => parse(issuer.jwk, { ...issuer.jwk, use: 'enc' })).toThrow(/no key/)
  })

  test('weak keys of RSA are left out', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: 'rsa' }
    const weak = [
      { ...jwk, kid: 'small', n: Buffer.alloc(128, 0xff).toString('base64url') },
      { ...jwk, kid: 'e1', e: 'AQ' },
    ]
    expect([...parseJwks(Buffer.from(JSON.stringify({ keys: [jwk, ...weak] })), ['RS256']).keys()]).toEqual([
      'rsa',
    ])
  })
})
