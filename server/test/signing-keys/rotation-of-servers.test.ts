// `keyhold-server signing-key rotate` beside running replicas: they learn of the new key at once, what was signed before is verified
// as before, and an old state folder leads to the new key.
import { createLocalJWKSet, compactVerify, decodeProtectedHeader, type JSONWebKeySet } from 'jose'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { call } from '../../../testkit/src/http/api.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import type { Server } from '../../src/main.ts'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'
import { runCommand } from '../../src/run-command.ts'
import { findFaults } from '../../src/wiring/commands/examine-integrity.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

interface Keys extends JSONWebKeySet {
  keys: { kid: string; kty: 'OKP'; x: string; validFrom: string; validTo?: string }[]
  rotations?: { number: number; statement: string; counterstatement: string }[]
}

let server: TestServer
let second: Server
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  second = await startSecondReplica(server)
  tenant = await server.createTenant()
})
afterAll(async () => {
  await second.stop()
  await server.stop()
})

const waiting = { timeout: 20_000 }
const as = async (url: string, method: string, route: string, body?: unknown) => {
  const answer = await call(url, tenant.adminToken, method, `/api/v1/encryption/${route}`, body)
  expect(answer.status).toBe(200)
  return answer.body as Record<string, unknown>
}
const keysOf = async (url: string) => (await as(url, 'GET', 'signing-keys')) as unknown as Keys
const kidsOf = async (url: string) => (await keysOf(url)).keys.map(({ kid }) => kid)
const kidOf = (jws: unknown) => decodeProtectedHeader(String(jws)).kid
const headOf = async (url: string) => (await as(url, 'GET', 'audits/head')).jws
const urls = () => [server.url, second.url]
const verifies = async (jws: unknown, keys: Keys) =>
  JSON.parse(
    new TextDecoder().decode((await compactVerify(String(jws), createLocalJWKSet(keys))).payload),
  ) as unknown

async function rotate(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const exitCode = await runCommand(['signing-key', 'rotate', ...args], {
    environment: {
      KEYHOLD_DATA_DIR: server.dataDir,
      KEYHOLD_DATABASE_URL: databaseUrl(server.databaseConnection()),
    },
    stdout: (text) => out.push(text),
    stderr: (text) => err.push(text),
    onServing: () => expect.fail(),
    ask: () => Promise.resolve('no'),
  })
  return { exitCode, out: out.join('').trimEnd(), err: err.join('') }
}

async function report(): Promise<{ route: string; jws: unknown }> {
  const { id } = await as(server.url, 'POST', 'tenant-key/actions/rotate')
  const route = `migrations/${String(id)}/report`
  await expect
    .poll(
      async () => (await call(server.url, tenant.adminToken, 'GET', `/api/v1/encryption/${route}`)).status,
      waiting,
    )
    .toBe(200)
  return { route, jws: (await as(server.url, 'GET', route)).jws }
}

test('both replicas sign with the new key at once, and serve what verifies both', async () => {
  const [first] = await kidsOf(server.url)
  const old = await report()
  const oldHead = await headOf(second.url)
  const oldKeys = await keysOf(second.url)
  expect(oldKeys).not.toHaveProperty('rotations')

  expect(await rotate()).toMatchObject({
    exitCode: 1,
    out: '',
    err: expect.stringContaining('Nothing was changed') as string,
  })
  expect(await kidsOf(server.url)).toEqual([first])
  const { exitCode, out: newest } = await rotate('--yes')
  expect(exitCode).toBe(0)
  // Nobody has to sign for it.
  for (const url of urls()) {
    await expect.poll(() => kidsOf(url), waiting).toEqual([first, newest])
    expect(kidOf(await headOf(url))).toBe(newest)
    const keys = await keysOf(url)
    expect(keys.keys[0]?.validTo).toBe(keys.keys[1]?.validFrom)
    expect(keys.keys[1]).not.toHaveProperty('validTo')
    for (const jws of [old.jws, oldHead, await headOf(url)]) await verifies(jws, keys)
    // Old records are served as before.
    expect((await as(url, 'GET', old.route)).jws).toBe(old.jws)
    // Who knows the old key alone verifies what it says of the new one.
    const [rotation] = keys.rotations ?? []
    expect(await verifies(rotation?.statement, oldKeys)).toMatchObject({
      successor: { kid: newest, x: keys.keys[1]?.x },
    })
  }
  expect(kidOf((await report()).jws)).toBe(newest)
  const state = (dataDir: string) => path.join(dataDir, 'state', 'signing-keys.json')
  for (const [index, dataDir] of [server.dataDir, path.join(server.dataDir, 'second')].entries())
    await expect
      .poll(async () => JSON.parse(await readFile(state(dataDir), 'utf8')) as unknown, waiting)
      .toEqual(await keysOf(urls()[index] ?? ''))

  const { body } = await server.request('GET', '/api/v1/audits', { token: server.operatorToken })
  const told = (body as { audits: { action: string; target: unknown; actor: unknown }[] }).audits
  expect(told.filter(({ action }) => action === 'signingkey.rotate')).toMatchObject([
    { target: { kind: 'signing-key', id: newest }, actor: { id: 'command' }, details: { replaces: first } },
  ])
  expect(await findFaults(server.databaseConnection())).toEqual([])
})

test('a chain of checkpoints goes on under the new key, and a replica that starts reads all of it', async () => {
  const before = await kidsOf(server.url)
  await headOf(server.url)
  await as(server.url, 'POST', 'actions/lock')
  const { out: newest } = await rotate('--yes')
  // Whether or not it has heard of it.
  expect(kidOf(await headOf(second.url))).toBe(newest)
  await as(server.url, 'POST', 'actions/unlock')
  await server.restart()
  await headOf(server.url)
  const { checkpoints } = await as(server.url, 'GET', 'audits/checkpoints')
  const kids = new Set((checkpoints as { jws: string }[]).map(({ jws }) => kidOf(jws)))
  expect(kids.size).toBeGreaterThan(1)
  const keys = await keysOf(server.url)
  expect(keys.keys.map(({ kid }) => kid)).toEqual([...before, kidOf(await headOf(server.url))])
  for (const { jws } of checkpoints as { jws: string }[]) await verifies(jws, keys)
})

slowTest(
  'a state folder from before the rotations leads to the newest key; one that knows a newer key ends the start',
  async () => {
    const file = path.join(server.dataDir, 'state', 'signing-keys.json')
    const all = JSON.parse(await readFile(file, 'utf8')) as Keys
    // As an earlier state of Keyhold has written it.
    const { kid = '', x = '' } = all.keys[0] ?? {}
    await writeFile(
      file,
      JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' }] }),
    )
    await server.restart()
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(all)

    await server.query('create table public.older as table keyhold.installation')
    await server.query('create table public.former as table keyhold.former_signing_keys')
    await rotate('--yes')
    await server.restart()
    // All of it put back, and the other replica remembers.
    await server.query('create table public.newest as table keyhold.installation')
    const putBack = async (from: string) => {
      await server.query('delete from keyhold.installation')
      await server.query(`insert into keyhold.installation select * from public.${from}`)
    }
    await server.query(
      'delete from keyhold.former_signing_keys where number not in (select number from public.former)',
    )
    await putBack('older')
    const signs = async (url: string) =>
      (await call(url, tenant.adminToken, 'GET', '/api/v1/encryption/audits/head')).status
    expect(await signs(second.url)).toBe(503)
    // By its generation,
    await server.restart()
    expect(await signs(server.url)).toBe(503)
    // and without that, by the key.
    await rm(path.join(server.dataDir, 'state', 'generations.log'))
    await expect(server.restart()).rejects.toMatchObject({ code: 'ERR_SIGNING_KEY_MISSING' })
  },
)

test('the command refuses beside a replica of another version, and before MACs are required', async () => {
  const client = new PinnedClient(pinnedConfig(server.databaseConnection(), 'keyhold/9.9.9 jobs'))
  await client.connect()
  const beside = await rotate('--yes')
  await client.end()
  expect([beside.exitCode, beside.err]).toEqual([
    1,
    expect.stringMatching(/version 9\.9\.9.*Nothing was changed\. \(ERR_SIGNING_KEY_ROTATION\)/s),
  ])
  const dataDir = path.join(server.dataDir, 'form-1')
  await mkdir(dataDir)
  await cp(path.join(server.dataDir, 'root-key'), path.join(dataDir, 'root-key'))
  const text = await readFile(path.join(dataDir, 'root-key'), 'utf8')
  const [, id, key] = /current (?<id>\S+) (?<key>\S+)/.exec(text) ?? []
  await writeFile(path.join(dataDir, 'root-key'), `khroot1:${String(id)}:${String(key)}\n`)
  const err: string[] = []
  const exitCode = await runCommand(['signing-key', 'rotate', '--yes'], {
    environment: {
      KEYHOLD_DATA_DIR: dataDir,
      KEYHOLD_DATABASE_URL: databaseUrl(server.databaseConnection()),
    },
    stdout: () => expect.fail(),
    stderr: (each) => err.push(each),
    onServing: () => expect.fail(),
  })
  expect([exitCode, err.join('')]).toEqual([1, expect.stringContaining('integrity adopt')])
})
