// Callers with JWTs and certificates, at a whole server: they may do what their mapping says, and are named wherever API keys are.
import { givenRoles, routes, type Route } from '@keyhold/contract'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createHash, X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import type { TestTenant } from '../../../testkit/src/server/start-test-server.ts'
import { runCommand } from '../../src/run-command.ts'
import {
  audience,
  createTestIssuer,
  issuerUrl,
  type TestIssuer,
} from '../../../testkit/src/network/test-issuer.ts'
import { ask, startTlsScene, type TlsScene } from '../../../testkit/src/server/tls-scene.ts'
import { at, listAt, textAt } from './read-body.ts'
import { waitUntil } from './scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const clients = createTestAuthority('authority of the clients')
const partners = createTestAuthority('authority of others')
const caId = `certificate:${createHash('sha256').update(new X509Certificate(clients.certificate).raw).digest('hex')}`
const spiffe = (name: string) => `spiffe://example.org/${name}`

let folder: string
let scene: TlsScene
let tenant: TestTenant
let issuer: TestIssuer
let agent: Agent
const lines: string[] = []
/** Every token and key that was sent. */
const secrets: string[] = []

const file = (name: string) => path.join(folder, name)
async function put(name: string, text: string): Promise<void> {
  await writeFile(file(`${name}.new`), text)
  await rename(file(`${name}.new`), file(name))
}

function mappingsOf(key: string, of: (role: string) => string): object[] {
  return [
    ...givenRoles.map((role) => ({
      match: { [key]: of(role) },
      role,
      ...(role !== 'operator' && { tenant: { const: 'acme' } }),
    })),
    { match: { [key]: of('all') }, role: 'service', tenant: 'all' },
    {
      match: { [key]: of('limited') },
      role: 'tenant-admin',
      tenant: { const: 'acme' },
      scopes: ['manage-api-keys', 'lock'],
    },
    { match: { [key]: of('pay') }, role: 'service', tenant: { const: 'acme' }, scopes: ['encrypt:pay*'] },
    { match: { [key]: of('gone') }, role: 'service', tenant: { const: `gone-${key}` } },
  ]
}

function issuersFile(): object {
  return {
    issuers: [
      {
        ...{ name: 'test', issuer: issuerUrl, audiences: [audience], algorithms: ['ES256'] },
        ...{ jwksFile: file('jwks'), mappings: mappingsOf('sub', (role) => role) },
      },
    ],
    certificates: [
      ...mappingsOf('uri', spiffe),
      { match: { issuer: caId, uri: spiffe('pinned') }, role: 'service', tenant: { const: 'acme' } },
    ],
  }
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-issuers-'))
  issuer = await createTestIssuer()
  await put('jwks', issuer.jwks)
  await put('issuers', JSON.stringify(issuersFile()))
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
  const environment = {
    KEYHOLD_ISSUERS_FILE: file('issuers'),
    KEYHOLD_METRICS_PORT: '0',
    KEYHOLD_UNKNOWN_KEYS_PER_MINUTE: '0',
  }
  scene = await startTlsScene(clients.certificate + partners.certificate, environment, { logger })
  tenant = await scene.server.createTenant('acme')
  agent = new Agent({ keepAlive: true })
})
afterAll(async () => {
  agent.destroy()
  await scene.end()
  await rm(folder, { recursive: true })
})

interface Sent {
  token?: string
  certificate?: { key: string; certificate: string }
  body?: unknown
  tenantId?: string
}

async function send(method: string, place: string, { token, certificate, body, tenantId }: Sent) {
  if (token !== undefined) secrets.push(token)
  const answer = await ask(`${scene.server.url}${place}`, {
    method,
    ...(certificate === undefined ? { agent } : { key: certificate.key, cert: certificate.certificate }),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(tenantId !== undefined && { 'keyhold-tenant': tenantId }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return {
    status: answer.status,
    body: answer.text === '' ? undefined : (JSON.parse(answer.text) as unknown),
  }
}

const tokenOf = (sub: string, claims: object = {}) => issuer.sign({ sub, ...claims })
const items = (keyName?: string) => ({ items: [{ plaintext: 'AAAA', ...(keyName && { keyName }) }] })
const encrypt = '/api/v1/encryption/encrypt'
const codeOf = (body: unknown) => textAt(listAt(at(body, 'errors'))[0], 'code')

describe('by kind of caller', () => {
  const kinds: [kind: string, as: (role: string) => Promise<Sent>][] = [
    ['a JWT', async (role) => ({ token: await tokenOf(role, { jti: `of ${role}` }) })],
    ['a certificate', (role) => Promise.resolve({ certificate: clients.issue([spiffe(role)]) })],
  ]

  test.each(kinds)('%s calls no route that is not for its role', async (_, as) => {
    for (const role of givenRoles) {
      const shown = await as(role)
      const own = new Agent({
        keepAlive: true,
        ...(shown.certificate && { key: shown.certificate.key, cert: shown.certificate.certificate }),
      })
      for (const route of Object.values(routes) as Route[]) {
        if (route.roles.includes(role)) continue
        const place = route.path.replaceAll(/:[A-Za-z]+/g, '0'.repeat(16))
        const answer = await ask(`${scene.server.url}${place}`, {
          ...{ method: route.method, agent: own },
          headers: shown.token === undefined ? {} : { authorization: `Bearer ${shown.token}` },
        })
        expect([route.path, answer.status, codeOf(JSON.parse(answer.text))]).toEqual([
          route.path,
          403,
          'ERR_FORBIDDEN',
        ])
      }
      own.destroy()
    }
  })

  test.each(kinds)('%s acts on its own tenant alone', async (_, as) => {
    const service = await as('service')
    expect((await send('POST', encrypt, { ...service, body: items() })).status).toBe(200)
    expect((await send('POST', encrypt, { ...service, body: items(), tenantId: 'acme' })).status).toBe(200)
    const foreign = await send('POST', encrypt, { ...service, body: items(), tenantId: 'other' })
    expect([foreign.status, codeOf(foreign.body)]).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
    const all = await as('all')
    expect((await send('POST', encrypt, { ...all, body: items(), tenantId: 'acme' })).status).toBe(200)
    expect((await send('POST', encrypt, { ...all, body: items() })).status).toBe(400)
  })

  test.each(kinds)('%s of a tenant that is deleted is refused at once', async (_, as) => {
    const gone = await as('gone')
    const tenantId = gone.token === undefined ? 'gone-uri' : 'gone-sub'
    expect((await send('POST', encrypt, { ...gone, body: items() })).status).toBe(401)
    await scene.server.createTenant(tenantId)
    const gone2 = await as('gone')
    expect((await send('GET', '/api/v1/encryption/data-keys', gone2)).status).not.toBe(401)
    const deleted = await send('DELETE', `/api/v1/tenants/${tenantId}`, { token: scene.server.operatorToken })
    expect(deleted.status).toBe(204)
    expect((await send('GET', '/api/v1/encryption/data-keys', gone2)).status).toBe(401)
  })

  test.each(kinds)('%s has the scopes of its mapping', async (_, as) => {
    const pay = await as('pay')
    expect((await send('POST', encrypt, { ...pay, body: items('pay-1') })).status).toBe(200)
    const wide = await send('POST', encrypt, { ...pay, body: items('other') })
    expect([
      wide.status === 200
        ? textAt(at(listAt(at(wide.body, 'items'))[0], 'error'), 'code')
        : codeOf(wide.body),
    ]).toEqual(['ERR_SCOPE_MISSING'])
    expect(
      codeOf((await send('POST', '/api/v1/encryption/decrypt', { ...pay, body: { items: [] } })).body),
    ).toBe('ERR_SCOPE_MISSING')
  })

  test.each(kinds)(
    '%s makes API keys like one who has an API key, and is responsible for them',
    async (_, as) => {
      const shown = await as('limited')
      const id = shown.token === undefined ? `${caId}#uri:${spiffe('limited')}` : `${issuerUrl}#limited`
      const make = (body: object) => send('POST', '/api/v1/api-keys', { ...shown, body })
      const made = await make({ role: 'tenant-admin', scopes: ['lock'] })
      expect(made.status).toBe(201)
      expect(textAt(made.body, 'responsible')).toBe(id)
      expect(textAt(made.body, 'createdBy')).toBe(id)
      for (const body of [
        { role: 'operator' },
        { role: 'tenant-admin', scopes: ['manage-api-keys'] },
        { role: 'tenant-admin' },
        { role: 'service', scopes: ['encrypt'] },
      ]) {
        expect(codeOf((await make(body)).body)).toBe('ERR_API_KEY_TOO_WIDE')
      }
      expect(codeOf((await make({ role: 'service', scopes: ['encrypt'], tenantId: 'other' })).body)).toBe(
        'ERR_TENANT_NOT_FOUND',
      )
      const audits = await scene.server.request('GET', '/api/v1/encryption/audits?limit=1000', {
        token: tenant.adminToken,
      })
      const record = listAt(at(audits.body, 'audits')).find(
        (each) => textAt(at(each, 'target'), 'id') === textAt(made.body, 'id'),
      )
      expect(textAt(at(record, 'actor'), 'id')).toBe(id)
      expect(textAt(at(record, 'actor'), 'role')).toBe('tenant-admin')
      expect(at(record, 'details', 'tokenId')).toBe(shown.token === undefined ? undefined : 'of limited')
    },
  )
})

test('with a token and a certificate the token decides', async () => {
  const certificate = clients.issue([spiffe('service')])
  const answer = await send('POST', encrypt, { certificate, token: await tokenOf('auditor'), body: items() })
  expect(answer.status).toBe(403)
  const bad = await send('POST', encrypt, { certificate, token: 'nonsense', body: items() })
  expect(bad.status).toBe(401)
})

test('a token that is bound to a certificate needs it, whoever else may send', async () => {
  const certificate = clients.issue([spiffe('nobody')])
  const thumbprint = createHash('sha256')
    .update(new X509Certificate(certificate.certificate).raw)
    .digest('base64url')
  const token = await tokenOf('service', { cnf: { 'x5t#S256': thumbprint } })
  expect((await send('POST', encrypt, { token, certificate, body: items() })).status).toBe(200)
  expect((await send('POST', encrypt, { token, body: items() })).status).toBe(401)
  const other = clients.issue([spiffe('service')])
  expect((await send('POST', encrypt, { token, certificate: other, body: items() })).status).toBe(401)
})

test('a mapping that names a CA takes certificates of that CA alone, whatever else their clients send', async () => {
  const call = (certificate: { key: string; certificate: string }) =>
    send('POST', encrypt, { certificate, body: items() })
  const { key, certificate } = partners.issue([spiffe('pinned')])
  expect((await call(clients.issue([spiffe('pinned')]))).status).toBe(200)
  expect((await call({ key, certificate })).status).toBe(401)
  expect((await call({ key, certificate: certificate + clients.certificate })).status).toBe(401)
})

test('a page in a browser does nothing with the certificate that the browser shows', async () => {
  const { key, certificate: cert } = clients.issue([spiffe('tenant-admin')])
  const read = (headers: Record<string, string>) =>
    ask(`${scene.server.url}/api/v1/encryption/keyproviders`, { key, cert, headers })
  expect((await read({})).status).toBe(200)
  for (const headers of [{ origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
    expect((await read(headers)).status).toBe(401)
    const authorization = `Bearer ${await tokenOf('tenant-admin')}`
    expect((await read({ ...headers, authorization })).status).toBe(200)
  }
})

test('a certificate that nobody is mapped to, and none, are a 401', async () => {
  expect(
    (await send('POST', encrypt, { certificate: clients.issue([spiffe('x')]), body: items() })).status,
  ).toBe(401)
  expect(
    (await send('POST', encrypt, { certificate: clients.issue(['service']), body: items() })).status,
  ).toBe(401)
  expect((await send('POST', encrypt, { body: items() })).status).toBe(401)
})

test('the file is read again: one that is faulty changes nothing, another one counts at once', async () => {
  const metric = async () => (await ask(`${scene.server.metricsUrl}/metrics`)).text
  const token = await tokenOf('service')
  expect(await metric()).toMatch(/keyhold_issuer_keys_age_seconds\{issuer="test"\} /)
  await put('issuers', '{"issuers":1}')
  await waitUntil(async () => /^keyhold_issuers_file_unusable 1$/m.test(await metric()), 30_000)
  const isTold = () => lines.some((line) => line.includes('/issuers expects a list'))
  await waitUntil(() => Promise.resolve(isTold()), 30_000)
  expect((await send('POST', encrypt, { token, body: items() })).status).toBe(200)
  await put('issuers', '{}')
  await waitUntil(async () => (await send('POST', encrypt, { token, body: items() })).status === 401, 30_000)
  expect(await metric()).toMatch(/keyhold_token_refusals_total\{credential="jwt",cause="issuer"\} [1-9]/)
  expect(await metric()).toContain('keyhold_issuers_file_unusable 0')
  await put('issuers', JSON.stringify(issuersFile()))
  await waitUntil(async () => (await send('POST', encrypt, { token, body: items() })).status === 200, 30_000)
})

test('a file that is faulty ends a start, with the place of its fault', async () => {
  await writeFile(file('faulty'), JSON.stringify({ issuers: [{ name: 'A' }] }))
  const said: string[] = []
  const shell = {
    stdout: () => undefined,
    stderr: (text: string) => said.push(text),
    onServing: () => undefined,
  }
  const environment = { KEYHOLD_ISSUERS_FILE: file('faulty') }
  expect(
    await runCommand(['jwt', 'explain'], { ...shell, environment, readInput: () => Promise.resolve('') }),
  ).toBe(2)
  expect(said.join('')).toMatch(
    /faulty of KEYHOLD_ISSUERS_FILE cannot be used: \/issuers\/0\/issuer expects to be there/,
  )
})

test('a token of Keyhold itself is none, also where the file lists it', async () => {
  const said: string[] = []
  const exitCode = await runCommand(['jwt', 'explain'], {
    environment: { KEYHOLD_ISSUERS_FILE: file('issuers'), KEYHOLD_ISSUER_URL: issuerUrl },
    stdout: (text) => said.push(text),
    stderr: (text) => said.push(text),
    onServing: () => undefined,
    readInput: async () => tokenOf('service'),
  })
  expect([exitCode, said.join('')]).toEqual([1, expect.stringContaining('(own-issuer)')])
})

test('"jwt explain" says what a server would do, and never the token', async () => {
  async function explain(token: string, more: Record<string, string> = {}) {
    const said: string[] = []
    const exitCode = await runCommand(['jwt', 'explain'], {
      environment: { KEYHOLD_ISSUERS_FILE: file('issuers'), ...more },
      stdout: (text) => said.push(text),
      stderr: (text) => said.push(text),
      onServing: () => undefined,
      readInput: () => Promise.resolve(`${token}\n`),
    })
    expect(said.join('')).not.toContain(token.slice(-20))
    return { exitCode, said: said.join('') }
  }
  const good = await explain(await tokenOf('pay'))
  expect(good.exitCode).toBe(0)
  for (const line of [
    'issuer: test (https://issuer.example)',
    'mapping: /issuers/0/mappings/8',
    'tenant: acme',
    'role: service',
    'scopes: encrypt:pay*',
  ]) {
    expect(good.said).toContain(line)
  }
  const bad = await explain(await tokenOf('nobody'))
  expect([bad.exitCode, bad.said]).toEqual([
    1,
    expect.stringContaining('refused: No mapping of the issuer matches. (mapping)'),
  ])
  const foreign = [
    { alg: 'none', kid: 'k' },
    { iss: 'https://other.example\u009b', aud: ['b'] },
  ]
  const parts = foreign.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const strange = await explain([...parts, 'c2lnbmF0dXJlIG9mIG5vYm9keQ'].join('.'))
  expect([strange.exitCode, strange.said]).toEqual([
    1,
    'it says: alg "none", kid "k", iss "https://other.example?", aud ["b"]\nrefused: Its iss is none of the file of issuers. (issuer)\n',
  ])
  const own = await explain(await tokenOf('pay'), { KEYHOLD_ISSUER_URL: 'https://issuer.example' })
  expect([own.exitCode, own.said]).toEqual([1, expect.stringContaining('refused: ')])
})

test('a command that is mistyped is named, with the usage of its neighbours alone', async () => {
  const said: string[] = []
  const shell = {
    stdout: () => undefined,
    stderr: (text: string) => said.push(text),
    onServing: () => undefined,
  }
  expect(await runCommand(['issuer', 'export'], shell)).toBe(2)
  expect(said.join('')).toMatch(/^keyhold-server: "issuer export" is no command, or lacks a value/)
  expect(said.join('')).toMatch(/issuer export DIR .*issuer rotate /s)
  expect(said.join('')).not.toContain('signing-key rotate')
})

slowTest('the doctor looks at the file, and for the keys of its issuers', async () => {
  const { dataDir } = scene.server
  async function look(issuersFile: string): Promise<unknown> {
    const said: string[] = []
    await runCommand(['doctor', '--json'], {
      environment: {
        KEYHOLD_DATA_DIR: dataDir,
        KEYHOLD_ISSUERS_FILE: issuersFile,
        KEYHOLD_DATABASE_URL: 'postgres://u:p@127.0.0.1:1/d',
      },
      stdout: (text) => said.push(text),
      stderr: () => undefined,
      onServing: () => undefined,
    })
    return listAt(at(JSON.parse(said.join('')), 'checks')).find(
      (check) => textAt(check, 'name') === 'issuers',
    )
  }
  expect(await look(file('issuers'))).toMatchObject({
    status: 'ok',
    seen: '1 issuers, 11 mappings of certificates',
  })
  await writeFile(
    file('away'),
    JSON.stringify(issuersFile()).replace(JSON.stringify(file('jwks')), JSON.stringify(file('none'))),
  )
  expect(await look(file('away'))).toMatchObject({
    status: 'warn',
    seen: expect.stringContaining('no keys of test') as string,
  })
  expect(await look(file('faulty'))).toMatchObject({
    status: 'fail',
    seen: expect.stringContaining('/issuers/0/') as string,
  })
})

test('log lines name the caller, and hold no token and no signature', async () => {
  const token = `${(await tokenOf('service')).slice(0, -8)}AAAAAAAA`
  expect((await send('POST', encrypt, { token, body: items() })).status).toBe(401)
  const all = lines.join('')
  expect(all).toContain(`"callerKind":"jwt","callerId":"${issuerUrl}#limited"`)
  // Of a refused one, whose it is: the subject only where the signature holds.
  expect(all).toContain('"cause":"tenant","issuer":"test","subject":"gone"')
  expect(all).toContain('"cause":"signature","issuer":"test","msg"')
  expect(secrets.filter((secret) => all.includes(secret) || all.includes(secret.slice(-24)))).toEqual([])
})
