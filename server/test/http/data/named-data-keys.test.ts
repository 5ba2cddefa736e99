// Named data keys as a resource: listed, rotated by hand, and kept from decrypting below a minimum version.
import type { DataKeyInformation, DataKeyLease } from '@keyhold/contract'
import { parseToken } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Server } from '../../../src/main.ts'
import { startSecondReplica } from '../../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { encryptText } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let second: Server
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  second = await startSecondReplica(server)
})
afterAll(async () => {
  await second.stop()
  await server.stop()
})
beforeEach(async () => {
  tenant = await server.createTenant()
})

const dataKeys = '/api/v1/encryption/data-keys'
const admin = (method: string, pathAndQuery: string, body?: unknown) =>
  server.request(method, pathAndQuery, { token: tenant.adminToken, body })
const service = (route: string, body: unknown) =>
  server.request('POST', `/api/v1/encryption/${route}`, { token: tenant.serviceToken, body })
const rotate = async (keyName = 'default') =>
  (await admin('POST', `${dataKeys}/${keyName}/actions/rotate`)).body as DataKeyInformation
const setMinimum = (minimumVersion: unknown, keyName = 'default') =>
  admin('POST', `${dataKeys}/${keyName}/actions/set-minimum-version`, { minimumVersion })

/** The fate of a token on the other replica. */
async function decryptOnSecond(token: string): Promise<string> {
  const answer = await fetch(`${second.url}/api/v1/encryption/decrypt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.serviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ token }] }),
  })
  const body: unknown = await answer.json()
  return at(body, 'items', 0, 'plaintext') === undefined
    ? textAt(body, 'items', 0, 'error', 'code')
    : 'plaintext'
}

async function decryptHere(token: string): Promise<string> {
  const { body } = await service('decrypt', { items: [{ token }] })
  return at(body, 'items', 0, 'plaintext') === undefined
    ? textAt(body, 'items', 0, 'error', 'code')
    : 'plaintext'
}

test('names are listed in order, page by page, without the keys of blind indexes', async () => {
  for (const keyName of ['b', 'a', 'c']) await encryptText(server, tenant, 'x', { keyName })
  await service('data-keys/blind-index', { keyName: 'email' })
  await service('data-keys', {})
  await rotate('b')
  const whole = await admin('GET', dataKeys)
  expect(whole.status).toBe(200)
  expect(whole.body).toMatchObject({
    dataKeys: [
      { keyName: 'a', activeVersion: 1, minimumVersion: 1, versions: [{ version: 1, state: 'active' }] },
      {
        keyName: 'b',
        activeVersion: 2,
        minimumVersion: 1,
        versions: [
          { version: 2, state: 'active' },
          { version: 1, state: 'decrypt-only' },
        ],
      },
      { keyName: 'c' },
    ],
  })
  expect(at(whole.body, 'next')).toBeUndefined()
  const createdAt = textAt(whole.body, 'dataKeys', 0, 'versions', 0, 'createdAt')
  expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(60_000)

  const first = await admin('GET', `${dataKeys}?limit=2`)
  expect(listAt(first.body, 'dataKeys').map((each) => textAt(each, 'keyName'))).toEqual(['a', 'b'])
  expect(at(first.body, 'next')).toBe('b')
  const last = await admin('GET', `${dataKeys}?limit=2&after=b`)
  expect(listAt(last.body, 'dataKeys').map((each) => textAt(each, 'keyName'))).toEqual(['c'])
  expect(at(last.body, 'next')).toBeUndefined()
  expect(whole.text).not.toMatch(/wrapped|plaintext/)
})

test.each(['limit=0', 'limit=-1', 'limit=1001', 'limit=NaN', 'limit=1&limit=2', 'after=a%2Fb', 'after='])(
  'a page that there can’t be is refused: %s',
  async (search) => {
    const answer = await admin('GET', `${dataKeys}?${search}`)
    expect([answer.status, errorCode(answer.body)]).toEqual([400, 'ERR_INVALID_REQUEST'])
  },
)

test('after a rotation everything is encrypted under the new version, on every replica, and old tokens go on', async () => {
  const old = await encryptText(server, tenant, 'x')
  expect(await decryptOnSecond(old)).toBe('plaintext')
  expect(await rotate()).toMatchObject({ keyName: 'default', activeVersion: 2, minimumVersion: 1 })
  const token = await encryptText(server, tenant, 'x')
  expect(parseToken(token).header).toEqual({ ...parseToken(old).header, version: 2 })
  expect(await decryptHere(old)).toBe('plaintext')

  const encryptOnSecond = async () => {
    const answer = await fetch(`${second.url}/api/v1/encryption/encrypt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tenant.serviceToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ items: [{ plaintext: '' }] }),
    })
    return parseToken(textAt(await answer.json(), 'items', 0, 'token')).header.version
  }
  await expect.poll(encryptOnSecond).toBe(2)
  await rotate()
  await expect.poll(encryptOnSecond).toBe(3)
})

test('below the minimum version nothing is decrypted, by any route, until it is lowered again', async () => {
  const old = await encryptText(server, tenant, 'old')
  const header = parseToken(old).headerBytes.toString('base64')
  await rotate()
  const current = await encryptText(server, tenant, 'current')
  expect(await decryptOnSecond(old)).toBe('plaintext')

  const raised = await setMinimum(2)
  expect(raised).toMatchObject({
    status: 200,
    body: { minimumVersion: 2, versions: [{ state: 'active' }, { version: 1, state: 'retired' }] },
  })
  const items = [{ token: old, ref: 'r' }, { token: current }]
  const refused = { error: { code: 'ERR_KEY_VERSION_RETIRED' }, ref: 'r' }
  expect((await service('decrypt', { items })).body).toMatchObject({
    items: [refused, { plaintext: 'Y3VycmVudA==' }],
  })
  expect((await service('reencrypt', { items })).body).toMatchObject({
    items: [refused, { reencrypted: false }],
  })
  const unwrapped = await service('data-keys/unwrap', { header })
  expect([unwrapped.status, errorCode(unwrapped.body)]).toEqual([409, 'ERR_KEY_VERSION_RETIRED'])
  const octets = await fetch(`${server.url}/api/v1/encryption/decrypt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.serviceToken}`, 'content-type': 'application/octet-stream' },
    body: Buffer.from(old.slice(4), 'base64url'),
  })
  expect([octets.status, errorCode(await octets.json())]).toEqual([409, 'ERR_KEY_VERSION_RETIRED'])
  // By NOTIFY: the other replica's own time is sixty seconds.
  await expect.poll(() => decryptOnSecond(old), { timeout: 5_000 }).toBe('ERR_KEY_VERSION_RETIRED')

  expect((await setMinimum(1)).body).toMatchObject({ minimumVersion: 1 })
  expect(await decryptHere(old)).toBe('plaintext')
  await expect.poll(() => decryptOnSecond(old)).toBe('plaintext')
})

test('the active version is never retired, and the minimum goes no further', async () => {
  const token = await encryptText(server, tenant, 'x')
  expect((await setMinimum(1)).status).toBe(200)
  const above = await setMinimum(2)
  expect([above.status, errorCode(above.body)]).toEqual([409, 'ERR_MINIMUM_VERSION_INVALID'])
  for (const value of [0, -1, 1.5, '1', null, 2 ** 53]) {
    const answer = await setMinimum(value)
    expect([400, 409], String(value)).toContain(answer.status)
  }
  expect(await decryptHere(token)).toBe('plaintext')
})

slowTest('a version that grew old stays below the minimum, also when the next one is made', async () => {
  const tokens = [await encryptText(server, tenant, 'x')]
  for (let version = 2; version <= 4; version++) {
    await rotate()
    tokens.push(await encryptText(server, tenant, 'x'))
  }
  await setMinimum(3)
  await rotate()
  const outcomes = []
  for (const token of tokens) outcomes.push(await decryptHere(token))
  const retired = 'ERR_KEY_VERSION_RETIRED'
  expect(outcomes).toEqual([retired, retired, 'plaintext', 'plaintext'])
})

slowTest('other names, and leases that have none, are not concerned', async () => {
  const other = await encryptText(server, tenant, 'x', { keyName: 'other' })
  await encryptText(server, tenant, 'x')
  const lease = (await service('data-keys', {})).body as DataKeyLease
  await rotate()
  await setMinimum(2)
  expect(await decryptHere(other)).toBe('plaintext')
  expect((await service('data-keys/unwrap', { header: lease.header })).status).toBe(200)
})

test.each(['rotate', 'set-minimum-version'])(
  '%s of a name that there is not, or can’t be',
  async (action) => {
    const act = (keyName: string) =>
      admin('POST', `${dataKeys}/${keyName}/actions/${action}`, { minimumVersion: 1 })
    await service('data-keys/blind-index', { keyName: 'email' })
    const missing = await act('nobody')
    expect([missing.status, errorCode(missing.body)]).toEqual([404, 'ERR_KEY_NAME_NOT_FOUND'])
    const blindIndex = await act('blind-index:email')
    expect([blindIndex.status, errorCode(blindIndex.body)]).toEqual([400, 'ERR_KEY_NAME_INVALID'])
  },
)

// `unwrap` and `blind-index` are also the last words of routes beside these.
test.each(['unwrap', 'blind-index', 'actions'])(
  'a data key with the name %s is managed like any other',
  async (keyName) => {
    const token = await encryptText(server, tenant, 'x', { keyName })
    expect((await admin('GET', dataKeys)).body).toMatchObject({ dataKeys: [{ keyName }] })

    expect(await rotate(keyName)).toMatchObject({ keyName, activeVersion: 2 })
    expect(await setMinimum(2, keyName)).toMatchObject({ status: 200, body: { keyName, minimumVersion: 2 } })
    expect(await decryptHere(token)).toBe('ERR_KEY_VERSION_RETIRED')
    const destroyed = await admin('POST', `${dataKeys}/${keyName}/actions/destroy`, { inDays: 7 })
    expect(destroyed).toMatchObject({ status: 200, body: { keyName, state: 'scheduled' } })
  },
)

test('services do not manage data keys', async () => {
  await encryptText(server, tenant, 'x')
  for (const [method, route] of [
    ['GET', dataKeys],
    ['POST', `${dataKeys}/default/actions/rotate`],
    ['POST', `${dataKeys}/default/actions/set-minimum-version`],
  ] as const) {
    const answer = await server.request(method, route, { token: tenant.serviceToken })
    expect([answer.status, errorCode(answer.body)]).toEqual([403, 'ERR_FORBIDDEN'])
  }
})

slowTest('twenty rotations at once make versions without a gap, and one is active', async () => {
  await encryptText(server, tenant, 'x')
  await Promise.all(Array.from({ length: 20 }, () => rotate()))
  const rows = await server.query(
    `select version, state from keyhold.cipherkeys where tenant_id = $1 order by version`,
    [tenant.tenantId],
  )
  expect(rows.map(({ version }) => version as number)).toEqual(rows.map((_, index) => index + 1))
  expect(rows.filter(({ state }) => state === 'active')).toEqual([rows.at(-1)])
})
