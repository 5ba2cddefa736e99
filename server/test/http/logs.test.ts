// Logs never hold a secret, whatever is sent, wherever it is sent, and whatever fails; nor does any refusal.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  customerKeyPolicy,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { rawRequest, sendBytes, type RawAnswer, type RawOptions } from './raw-request.ts'
import { at, listAt, textAt } from './read-body.ts'
import {
  createKey,
  createTenantWithOwnKey,
  encryptText,
  policyWithout,
  providers,
  registerKey,
  setPolicy,
  waitUntil,
} from './scene.ts'

// Texts that stand nowhere but in the place that each is named after.
const canary = (place: string) => `canary-${place}-${Math.random().toString(36).slice(2)}`
const secrets = {
  plaintext: canary('plaintext'),
  contextKey: canary('context-key'),
  contextValue: canary('context-value'),
  ref: canary('ref'),
  body: canary('body'),
  path: canary('path'),
  query: canary('query'),
  header: canary('header'),
  unknownToken: canary('unknown-token'),
  packet: canary('packet'),
}
const base64 = (text: string) => Buffer.from(text).toString('base64')

let logged = ''
let server: TestServer
let tenant: TestTenant & { arn: string }
/** Every answer that is an error, or may hold errors of items. */
let refusals: RawAnswer[]

beforeAll(async () => {
  const logger = pino({ level: 'trace' }, { write: (line: string) => (logged += line) })
  server = await startTestServer(
    { KEYHOLD_KEY_CACHE_TTL_SECONDS: '0', KEYHOLD_FAILPOINTS: 'migration.prepare.before-kms=delay:1000@2' },
    { logger },
  )
  tenant = await createTenantWithOwnKey(server)
  refusals = []
})
afterAll(() => server.stop())

async function send(method: string, target: string, options: RawOptions): Promise<RawAnswer> {
  const answer = await rawRequest(server.url, method, target, options)
  if (answer.status >= 400) refusals.push(answer)
  return answer
}

const dataPlane = (route: string, body: unknown) =>
  send('POST', `/api/v1/encryption/${route}`, { token: tenant.serviceToken, body })

// Bodies that are well-formed, and wrong in every place where something secret can stand.
async function sendTypeConfusedBodies(valueToken: string): Promise<void> {
  const { plaintext, contextKey, contextValue, ref, body } = secrets
  const items = [
    { plaintext, ref },
    { plaintext: { [body]: plaintext } },
    { plaintext: [base64(plaintext)] },
    { plaintext: base64(plaintext), context: contextValue },
    { plaintext: base64(plaintext), context: { [contextKey]: { contextValue } } },
    { plaintext: base64(plaintext), context: { [`keyhold:${contextKey}`]: contextValue } },
    { plaintext: base64(plaintext), keyName: `${body}/` },
    { token: `${valueToken}=` },
    { token: { valueToken } },
    { token: valueToken, context: { [contextKey]: 'another' } },
  ]
  for (const route of ['encrypt', 'decrypt']) {
    const { body: reply } = await dataPlane(route, { items })
    const errors = JSON.stringify(listAt(reply, 'items').map((item) => at(item, 'error')))
    refusals.push({ status: 200, headers: {}, text: errors, body: undefined })
    for (const wrong of [
      items[0],
      { items: items[0] },
      [items],
      secrets.body,
      `{"items":["${secrets.body}`,
    ]) {
      await dataPlane(route, wrong)
    }
  }
  for (const wrong of [
    { name: { body }, arn: body },
    { name: 'x', arn: { body } },
    { name: body, arn: `arn:aws:kms:${body}` },
    { name: 'x', arn: 'y', keyprovider: body },
    `{"name":"${body}","__proto__":"${body}"}`,
    `{"name":"${body}\\u0000"}`,
  ]) {
    await send('POST', providers, { token: tenant.adminToken, body: wrong })
    await send('PATCH', `${providers}/${tenant.tenantId}`, { token: tenant.adminToken, body: [wrong] })
    await send('POST', '/api/v1/tenants', { token: server.operatorToken, body: wrong })
    await send('POST', '/api/v1/api-keys', { token: server.operatorToken, body: wrong })
  }
}

// Secrets in the wrong place of a request, or in what is no request at all.
async function sendMisplacedSecrets(): Promise<void> {
  const { adminToken: token } = tenant
  await send('GET', `${providers}/${secrets.path}.`, { token })
  await send('GET', `${providers}/%zz${secrets.path}`, { token })
  await send('GET', `/${secrets.path}?token=${secrets.query}`, { token })
  await send('GET', `${providers}/unknown?token=${secrets.query}`, { token })
  await send('GET', providers, { token, headers: { 'keyhold-tenant': `${secrets.header} ` + token } })
  await send('POST', providers, { token, headers: { 'content-type': secrets.header }, body: secrets.body })
  await send('GET', providers, { token: secrets.unknownToken })
  await send('GET', providers, { headers: { authorization: `${secrets.unknownToken} ${token}` } })
  await send('GET', `/api/v1/api-keys`, { token })
  await send('DELETE', `/api/v1/api-keys/${token}`, { token: server.operatorToken })
  for (const packet of [
    `GET ${providers} HTTP/1.1\r\nauthorization: Bearer ${token}\r\nbad header ${secrets.packet}\r\n\r\n`,
    `GET /${secrets.packet} HTTP/9.9\r\nauthorization: Bearer ${token}\r\n\r\n`,
    `GET / HTTP/1.1\r\nx: ${secrets.packet.repeat(2_000)}\r\n\r\n`,
  ]) {
    refusals.push({ status: 400, headers: {}, text: await sendBytes(server.url, packet), body: undefined })
  }
}

// The service itself logs these in full: an internal error, a paused migration, a KMS that fails.
async function breakThings(valueToken: string): Promise<void> {
  const rename = [{ op: 'replace', path: '/name', value: secrets.body }]
  const { arn, fingerprint } = await registerKey(server, tenant)
  await server.query(
    `alter table keyhold.key_providers add constraint broken check (name not like 'canary%') not valid`,
  )
  const broken = await send('PATCH', `${providers}/${fingerprint}`, {
    token: tenant.adminToken,
    body: rename,
  })
  expect(broken.status).toBe(500)

  await send('POST', `${providers}/${fingerprint}/actions/migrate`, { token: tenant.adminToken })
  await setPolicy(server.customerKms(), arn, policyWithout())
  await waitUntil(() => Promise.resolve(logged.includes('key job paused')), 10_000)

  for (const kind of ['throttle', 'error500'] as const) {
    const remove = server.kms.faults.add({ kind })
    await dataPlane('decrypt', { items: [{ token: valueToken }] })
    remove()
  }
  await setPolicy(server.customerKms(), tenant.arn, policyWithout())
  // After outages the key is left alone for a moment.
  await waitUntil(
    async () => (await dataPlane('decrypt', { items: [{ token: valueToken }] })).status === 424,
    10_000,
  )
  await setPolicy(server.customerKms(), tenant.arn, customerKeyPolicy())
}

it('hold no secret, and neither does a refusal', async () => {
  const context = { [secrets.contextKey]: secrets.contextValue }
  const valueToken = await encryptText(server, tenant, secrets.plaintext, { context })
  const decrypted = await dataPlane('decrypt', { items: [{ token: valueToken, context }] })
  expect(textAt(decrypted.body, 'items', 0, 'plaintext')).toBe(base64(secrets.plaintext))
  await send('POST', providers, {
    token: tenant.adminToken,
    body: { name: 'x', arn: await createKey(server, { Policy: policyWithout() }) },
  })
  await sendTypeConfusedBodies(valueToken)
  await sendMisplacedSecrets()
  await breakThings(valueToken)

  const rootKey =
    /([0-9a-f]{64})/.exec(await readFile(path.join(server.dataDir, 'root-key'), 'utf8'))?.[1] ?? ''
  expect(rootKey).toHaveLength(64)
  const apiKeys = [tenant.adminToken, tenant.serviceToken, server.operatorToken]
  const all = [
    ...Object.values(secrets),
    ...apiKeys.map((key) => key.slice(-43)),
    valueToken,
    valueToken.slice(0, 60),
    rootKey,
    Buffer.from(rootKey, 'hex').toString('base64'),
    server.databaseConnection().password,
  ]
  expect(logged.split('\n').length).toBeGreaterThan(50)
  expect(refusals.length).toBeGreaterThan(50)
  for (const text of all.flatMap(formsOf)) {
    expect(linesWith(logged.split('\n'), text), text).toEqual([])
    expect(
      linesWith(
        refusals.map((refusal) => refusal.text),
        text,
      ),
      text,
    ).toEqual([])
  }
})

// As it is, encoded, and as loggers write a Buffer.
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, bytes.toString('base64'), bytes.toString('hex'), bytes.join(',')]
}

const linesWith = (lines: string[], secret: string) => lines.filter((line) => line.includes(secret))
