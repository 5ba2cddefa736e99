// An installation from before MACs starts as before, says so, is adopted, and from then on refuses what has no MAC; and what
// happens when the MACs, or the file that requires them, are taken away again.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stripMacs } from '../../../testkit/src/database/strip-macs.ts'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { adoptIntegrity } from '../../src/wiring/commands/adoption/adopt-integrity.ts'

/** The log of a start without it. */
const firstLine = 'the root key file does not require MACs'
const lines: Record<string, unknown>[] = []
const logger = pino(
  { level: 'warn' },
  { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
)

let server: TestServer
let tenant: TestTenant
let token: string
let form1: string
let form2: string
beforeAll(async () => {
  server = await startTestServer({}, { logger, timings: { heartbeatMs: 20 } })
  tenant = await server.createTenant()
  await registerKey(server.url, tenant, await server.createCustomerKey([tenant.tenantId]))
  token = await encrypt('old')
  ;({ form1, form2 } = await putForm1(server.dataDir))
  // A server that requires MACs would tell of what is done now.
  await server.restart()
  await stripMacs((statement) => server.query(statement))
  await server.restart()
})
afterAll(() => server.stop())

const plaintext = Buffer.from('secret').toString('base64')
const send = (what: 'encrypt' | 'decrypt', item: object) =>
  server.request('POST', `/api/v1/encryption/${what}`, {
    token: tenant.serviceToken,
    body: { items: [item] },
  })

/** Under a key name of its own, so that it makes a data key. */
async function encrypt(keyName: string): Promise<string> {
  const { status, body } = await send('encrypt', { plaintext, keyName })
  expect(status).toBe(200)
  return (body as { items: { token: string }[] }).items[0]?.token ?? ''
}

async function expectServed(keyName: string): Promise<void> {
  await encrypt(keyName)
  expect((await send('decrypt', { token })).body).toMatchObject({ items: [{ plaintext }] })
}

/** Neither new data keys nor stored ones, also after all that is in memory is gone. */
async function expectNothingServed(): Promise<void> {
  await server.restart()
  for (const [what, item] of [
    ['encrypt', { plaintext, keyName: 'refused' }],
    ['decrypt', { token }],
  ] as const) {
    const { status, text } = await send(what, item)
    expect([status, text.includes(plaintext)], what).toEqual([expect.toBeOneOf([401, 503]), false])
  }
}

const adopt = () =>
  adoptIntegrity(server.settings, {
    tell: () => undefined,
    say: () => undefined,
    confirm: () => Promise.resolve(true),
    output: undefined,
  })
const put = (text: string) => writeFile(path.join(server.dataDir, 'root-key'), text)

test('before the adoption it serves as before, and tells once of each kind of row that has no MAC', async () => {
  await expectServed('one')
  await expectServed('two')
  const ofThisStart = lines.slice(lines.findLastIndex(({ msg }) => String(msg).startsWith(firstLine)))
  const unsigned = ofThisStart.filter(({ msg }) => String(msg).startsWith('rows of this kind have no MAC'))
  const kinds = unsigned.map(({ kind }) => String(kind))
  expect(kinds).toEqual(expect.arrayContaining(['fence', 'guard']))
  expect(kinds).toEqual([...new Set(kinds)])
  expect(ofThisStart.filter(({ level }) => Number(level) >= 50)).toEqual([])
})

test('once it is adopted it serves, and refuses a row whose MAC is taken away', async () => {
  expect(await adopt()).toBe(true)
  await expect
    .poll(() => server.query('select requires_macs from keyhold.replicas'))
    .toEqual([{ requires_macs: true }])
  await expectServed('three')
  await server.restart()
  await expectServed('four')

  await server.query('create table public.kept as select id, mac from keyhold.tenants')
  await server.query('update keyhold.tenants set mac = null')
  const { status, body } = await send('encrypt', { plaintext, keyName: 'five' })
  expect([status, body]).toMatchObject([503, { errors: [{ code: 'ERR_RECORD_NOT_AUTHENTIC' }] }])
  await server.query('update keyhold.tenants t set mac = k.mac from public.kept k where k.id = t.id')
  await expectServed('five')
})

test('whoever takes all MACs away has nothing served, and the adoption is no way round that', async () => {
  await server.query('create table public.installation as select mac from keyhold.installation')
  await stripMacs((statement) => server.query(statement))
  await expect(server.restart()).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  // The file requires MACs: nothing is signed any more that nobody has.
  expect(await adopt()).toBe(true)
  await expect(server.restart()).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  // One row less, without which no server starts.
  await server.query('update keyhold.installation set mac = (select mac from public.installation)')
  await expectNothingServed()
})

test('an operator who puts the old file back has it served as before the adoption, and can adopt again', async () => {
  await put(form1)
  lines.length = 0
  await server.restart()
  expect(lines.map(({ msg }) => String(msg))).toContainEqual(expect.stringContaining(firstLine) as string)
  await expectServed('six')
  expect(await adopt()).toBe(true)
  await server.restart()
  await expectServed('seven')
})

test('a replica whose root key is not that of the rows is not ready, and calls no row forged', async () => {
  lines.length = 0
  await server.query(
    `update keyhold.tenants set mac = overlay(mac placing decode('00112233aabbccdd', 'hex') from 2)`,
  )
  const { status, body } = await send('encrypt', { plaintext, keyName: 'eight' })
  expect([status, body]).toMatchObject([503, { errors: [{ code: 'ERR_ROOT_KEY_OUTDATED' }] }])
  const { status: ready, body: reason } = await server.request('GET', '/readyz')
  expect([ready, reason]).toEqual([503, { status: 'root key outdated' }])
  expect((await server.request('GET', '/livez')).status).toBe(200)
  expect(lines.map(({ code, rootKeyId }) => [code, rootKeyId])).toContainEqual([
    'ERR_ROOT_KEY_OUTDATED',
    '00112233aabbccdd',
  ])
  expect(lines.filter(({ fault }) => fault !== undefined)).toEqual([])
  expect(form2).toContain('macs required')
})
