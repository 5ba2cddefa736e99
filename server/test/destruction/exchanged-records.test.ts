// Records that Keyhold signed, put by a writer of the database where they do not belong: none of them is shown.
import type { Destruction } from '@keyhold/contract'
import { generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, encryptUnder } from '../../../testkit/src/http/api.ts'
import { codeOf } from '../../../testkit/src/http/key-jobs.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'

const api = '/api/v1/encryption'
const [one, other] = ['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002']

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const as = ({ adminToken }: TestTenant, method: string, path: string, body?: unknown) =>
  call(server.url, adminToken, method, `${api}/${path}`, body)

/** A JWS of the payload under a key of the attacker's, which says that it is Keyhold's. */
async function forge(tenant: TestTenant, payload: object): Promise<string> {
  const { body } = await as(tenant, 'GET', 'signing-keys')
  const { kid = '' } = (body as { keys: { kid: string }[] }).keys[0] ?? {}
  const input = [{ alg: 'EdDSA', kid }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const { privateKey } = generateKeyPairSync('ed25519')
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
}

const payloadOf = (jws: string) =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

/** The record of a tenant, which stands for its data keys too. */
async function recordOfTenant({ tenantId }: TestTenant): Promise<string> {
  const operator = (method: string, path: string, body?: unknown) =>
    call(server.url, server.operatorToken, method, `/api/v1/${path}`, body)
  const { body } = await operator('POST', `tenants/${tenantId}/actions/schedule-deletion`, { inDays: 7 })
  const { id } = body as Destruction
  await makeDue(server, id)
  const show = async () => (await operator('GET', `destructions/${id}`)).body as { jws?: string }
  await expect.poll(async () => (await show()).jws, { timeout: 20_000 }).toBeDefined()
  return (await show()).jws ?? ''
}

async function destroyed(tenant: TestTenant, keyName: string): Promise<{ id: string; jws: string }> {
  await encryptUnder(server.url, tenant, [keyName])
  const { body } = await as(tenant, 'POST', `data-keys/${keyName}/actions/destroy`, { inDays: 7 })
  const { id } = body as Destruction
  await makeDue(server, id)
  await server.sweep()
  const shown = await as(tenant, 'GET', `destructions/${id}`)
  expect(shown.body).toMatchObject({ state: 'destroyed', record: { id, keyName } })
  return { id, jws: (shown.body as { jws: string }).jws }
}

test('the record of a destruction that is another one’s, another tenant’s, of another kind or forged is not shown', async () => {
  const tenant = await server.createTenant()
  const [first, second] = [await destroyed(tenant, 'first'), await destroyed(tenant, 'second')]
  const foreign = await destroyed(await server.createTenant(), 'first')
  const drill = await as(tenant, 'POST', 'dr-drill/actions/run', {})
  const show = () => as(tenant, 'GET', `destructions/${first.id}`)
  const put = (jws: string) =>
    server.query('update keyhold.destructions set jws = $2 where id = $1', [first.id, jws])
  const wrong = {
    'another one’s': second.jws,
    'another tenant’s': foreign.jws,
    'of another tenant as a whole': await recordOfTenant(await server.createTenant()),
    'of another kind': (drill.body as { jws: string }).jws,
    forged: await forge(tenant, { ...payloadOf(first.jws), scheduledBy: 'ak_innocent' }),
    'with another payload': first.jws.replace(/\.[^.]+\./, `.${second.jws.split('.')[1] ?? ''}.`),
    'with more parts': `${first.jws}.x`,
    cut: first.jws.slice(0, -3),
    nothing: 'x',
  }
  for (const [name, jws] of Object.entries(wrong)) {
    await put(jws)
    const shown = await show()
    expect([name, shown.status, codeOf(shown)]).toEqual([name, 503, 'ERR_RECORD_NOT_AUTHENTIC'])
    expect(JSON.stringify(shown.body)).not.toContain(jws)
  }
  await put(first.jws)
  expect((await show()).status).toBe(200)
})

test('a drill that is another tenant’s, another one’s or forged is not shown', async () => {
  const [tenant, neighbour] = [await server.createTenant(), await server.createTenant()]
  const run = async (of: TestTenant) =>
    ((await as(of, 'POST', 'dr-drill/actions/run', {})).body as { jws: string }).jws
  const [own, foreign] = [await run(tenant), await run(neighbour)]
  const show = () => as(tenant, 'GET', 'dr-drill')
  expect((await show()).body).toMatchObject({ jws: own })
  const put = (jws: string, id: unknown) =>
    server.query('update keyhold.dr_drills set jws = $2, id = $3 where tenant_id = $1', [
      tenant.tenantId,
      jws,
      id,
    ])
  const { id } = payloadOf(own)
  const forged = await forge(tenant, { ...payloadOf(own), passed: true })
  for (const [jws, ofId] of [
    [foreign, payloadOf(foreign).id],
    [own, one],
    [own, other],
    [forged, id],
  ] as const) {
    await put(jws, ofId)
    const shown = await show()
    expect([shown.status, codeOf(shown)]).toEqual([503, 'ERR_RECORD_NOT_AUTHENTIC'])
  }
  await put(own, id)
  expect((await show()).status).toBe(200)
})
