// Leases of data keys: what an SDK gets, for how long, and that it ends with the customer's consent.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import type { BlindIndexKey, DataKeyLease, LeaseKey } from '@keyhold/contract'
import {
  decryptValue,
  encodeHeader,
  encryptValue,
  keyFromBytes,
  parseToken,
  type DataKey,
} from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { makeKeysOlder } from '../../../../testkit/src/server/make-keys-older.ts'
import { errorCode, textAt } from '../read-body.ts'
import { migrateTo, registerKey } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

const ttlSeconds = 4

let server: TestServer
let limited: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds),
    KEYHOLD_MAX_KEY_NAMES: '3',
  })
  tenant = await server.createTenant()
  limited = await startTestServer({ KEYHOLD_MAX_LEASES: '3' })
})
afterAll(async () => {
  await server.stop()
  await limited.stop()
})

const dataKeysPath = '/api/v1/encryption/data-keys'

function post(path: string, body: unknown, { serviceToken }: TestTenant = tenant) {
  return server.request('POST', path, { token: serviceToken, body })
}

async function leaseOne(of: TestTenant = tenant): Promise<DataKeyLease> {
  const answer = await post(dataKeysPath, {}, of)
  expect(answer.status).toBe(200)
  return answer.body as DataKeyLease
}

function dataKeyOf({ tenantId, dataKeyId, version, plaintext }: DataKeyLease): DataKey {
  return { tenantId, id: dataKeyId, version, key: keyFromBytes(Buffer.from(plaintext, 'base64')) }
}

test('all leases of a tenant for encryption are of one data key, and what it encrypts the server decrypts', async () => {
  const many = await Promise.all(Array.from({ length: 20 }, () => leaseOne()))
  const [one = await leaseOne()] = many
  expect(new Set(many.map(({ plaintext }) => plaintext)).size).toBe(1)
  expect((await leaseOne(await server.createTenant())).plaintext).not.toBe(one.plaintext)
  expect(one).toMatchObject({ tenantId: tenant.tenantId, version: 1 })
  expect(one.expiresInSeconds).toBeGreaterThan(0)
  expect(one.expiresInSeconds).toBeLessThanOrEqual(ttlSeconds)

  const token = encryptValue(dataKeyOf(one), { a: 'b' }, Buffer.from('made locally'))
  const answer = await post('/api/v1/encryption/decrypt', { items: [{ token, context: { a: 'b' } }] })
  expect(textAt(answer.body, 'items', 0, 'plaintext')).toBe(Buffer.from('made locally').toString('base64'))
})

const leaseKeysPath = '/api/v1/encryption/lease-keys'
const asAdmin = (method: string, path: string, { adminToken }: TestTenant) =>
  server.request(method, path, { token: adminToken })

slowTest('each day has a data key of its own, and those of the days before decrypt', async () => {
  const daily = await server.createTenant()
  const first = await leaseOne(daily)
  const token = encryptValue(dataKeyOf(first), {}, Buffer.from('of the day before'))
  const age = (hours: number) => makeKeysOlder(server, daily.tenantId, hours * 3_600_000)
  await age(23)
  expect((await leaseOne(daily)).header).toBe(first.header)
  await age(1.5)
  const second = await Promise.all(Array.from({ length: 10 }, () => leaseOne(daily)))
  expect(new Set(second.map(({ header }) => header)).size).toBe(1)
  expect(second[0]).toMatchObject({ dataKeyId: first.dataKeyId, version: 2 })
  expect(second[0]?.plaintext).not.toBe(first.plaintext)

  const opened = await post('/api/v1/encryption/decrypt', { items: [{ token }] }, daily)
  expect(textAt(opened.body, 'items', 0, 'plaintext')).toBe(
    Buffer.from('of the day before').toString('base64'),
  )
  const renewed = await post(`${dataKeysPath}/unwrap`, { header: first.header }, daily)
  expect(renewed).toMatchObject({ status: 200, body: { plaintext: first.plaintext } })
  // Re-encryption brings it under a name.
  const moved = await post('/api/v1/encryption/reencrypt', { items: [{ token }] }, daily)
  expect(parseToken(textAt(moved.body, 'items', 0, 'token')).header.dataKeyId).not.toBe(first.dataKeyId)
})

slowTest(
  'an admin ends the data key of leases: the next lease is of a new one, and nothing is lost',
  async () => {
    const ending = await server.createTenant()
    expect((await asAdmin('GET', leaseKeysPath, ending)).body).toEqual({ leaseKeys: [] })
    const none = await asAdmin('POST', `${leaseKeysPath}/actions/end`, ending)
    expect([none.status, errorCode(none.body)]).toEqual([404, 'ERR_LEASE_KEY_NOT_FOUND'])

    const first = await leaseOne(ending)
    const token = encryptValue(dataKeyOf(first), {}, Buffer.from('before the end'))
    const ended = await asAdmin('POST', `${leaseKeysPath}/actions/end`, ending)
    expect(ended).toMatchObject({ status: 200, body: { version: 2, state: 'active' } })
    const second = await leaseOne(ending)
    expect([second.version, second.plaintext === first.plaintext]).toEqual([2, false])
    const opened = await post('/api/v1/encryption/decrypt', { items: [{ token }] }, ending)
    expect(textAt(opened.body, 'items', 0, 'plaintext')).toBe(
      Buffer.from('before the end').toString('base64'),
    )

    await asAdmin('POST', `${leaseKeysPath}/actions/end`, ending)
    const page = await asAdmin('GET', `${leaseKeysPath}?limit=2`, ending)
    const shown = (body: unknown) =>
      (body as { leaseKeys: LeaseKey[] }).leaseKeys.map(({ version, state }) => `${version} ${state}`)
    expect([shown(page.body), textAt(page.body, 'next')]).toEqual([['3 active', '2 decrypt-only'], '2'])
    const last = await asAdmin('GET', `${leaseKeysPath}?limit=2&before=2`, ending)
    expect([shown(last.body), last.text.includes('next')]).toEqual([['1 decrypt-only'], false])
    // It is no key name of the tenant's.
    expect((await asAdmin('GET', dataKeysPath, ending)).body).toEqual({ dataKeys: [] })
  },
)

test('a lease is renewed by its header, for the same key', async () => {
  const lease = await leaseOne()
  const renewed = await post(`${dataKeysPath}/unwrap`, { header: lease.header })
  expect(renewed).toMatchObject({ status: 200, body: { plaintext: lease.plaintext, header: lease.header } })
})

test('the header of a token leases the key that decrypts it', async () => {
  const encrypted = await post('/api/v1/encryption/encrypt', { items: [{ plaintext: 'aGk=' }] })
  const token = parseToken(textAt(encrypted.body, 'items', 0, 'token'))
  const { body } = await post(`${dataKeysPath}/unwrap`, { header: token.headerBytes.toString('base64') })
  expect(decryptValue(dataKeyOf(body as DataKeyLease), {}, token).toString()).toBe('hi')
})

test('headers that are broken, foreign or unknown are refused', async () => {
  const { header } = await leaseOne()
  const bytes = Buffer.from(header, 'base64')
  for (const broken of [
    '',
    'x',
    header.slice(0, -1),
    bytes.subarray(1).toString('base64'),
    `${header}AAAA`,
  ]) {
    const answer = await post(`${dataKeysPath}/unwrap`, { header: broken })
    expect([answer.status, errorCode(answer.body)], broken).toEqual([400, 'ERR_TOKEN_INVALID'])
  }
  bytes[21] = (bytes[21] ?? 0) ^ 1
  const unknown = await post(`${dataKeysPath}/unwrap`, { header: bytes.toString('base64') })
  expect([unknown.status, errorCode(unknown.body)]).toEqual([400, 'ERR_DECRYPTION_FAILED'])
  const foreign = await post(`${dataKeysPath}/unwrap`, { header }, await server.createTenant())
  expect([foreign.status, errorCode(foreign.body)]).toEqual([400, 'ERR_DECRYPTION_FAILED'])
})

test('the key of a blind index is one for each tenant and name, and no key of encryption', async () => {
  const ask = async (keyName: string, of = tenant) =>
    ((await post(`${dataKeysPath}/blind-index`, { keyName }, of)).body as BlindIndexKey).plaintext
  const email = await ask('email')
  expect(await ask('email')).toBe(email)
  expect(await ask('phone')).not.toBe(email)
  expect(await ask('email', await server.createTenant())).not.toBe(email)
  const answer = await post('/api/v1/encryption/encrypt', {
    items: [{ plaintext: 'aGk=', keyName: 'blind-index:email' }],
  })
  expect(textAt(answer.body, 'items', 0, 'error', 'code')).toBe('ERR_KEY_NAME_INVALID')
})

test('the key of a blind index is leased by its name alone', async () => {
  await post(`${dataKeysPath}/blind-index`, { keyName: 'email' })
  const [row] = await server.query(
    `select data_key_id as id from keyhold.cipherkeys where tenant_id = $1 and key_name = 'blind-index:email'`,
    [tenant.tenantId],
  )
  const header = encodeHeader({ dataKeyId: textAt(row, 'id'), version: 1 }).toString('base64')
  const refused = await post(`${dataKeysPath}/unwrap`, { header })
  expect([refused.status, errorCode(refused.body)]).toEqual([400, 'ERR_DECRYPTION_FAILED'])
})

test('a tenant has so many key names and no more, and those that it has go on working', async () => {
  const full = await server.createTenant()
  const encrypt = (keyName: string) =>
    post('/api/v1/encryption/encrypt', { items: [{ plaintext: 'aGk=', keyName }] }, full)
  for (const keyName of ['a', 'b', 'c'])
    expect(textAt((await encrypt(keyName)).body, 'items', 0, 'token')).toMatch(/^kh1/)
  const refused = await encrypt('d')
  expect(textAt(refused.body, 'items', 0, 'error', 'code')).toBe('ERR_KEY_NAME_QUOTA')
  expect((await post(`${dataKeysPath}/blind-index`, { keyName: 'd' }, full)).status).toBe(409)
  expect(textAt((await encrypt('a')).body, 'items', 0, 'token')).toMatch(/^kh1/)
  expect((await post(dataKeysPath, {}, full)).status).toBe(200)
})

slowTest('many new key names at once are counted one by one', async () => {
  const hurried = await server.createTenant()
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      post(
        '/api/v1/encryption/encrypt',
        { items: [{ plaintext: 'aGk=', keyName: `name-${index}` }] },
        hurried,
      ),
    ),
  )
  const made = answers.filter(({ text }) => text.includes('kh1.'))
  expect(made).toHaveLength(3)
})

slowTest(
  'a tenant has so many leases at a time, of whatever key, and its neighbour is not refused',
  async () => {
    const greedy = await limited.createTenant()
    const neighbour = await limited.createTenant()
    const ask = (path: string, body: unknown, { serviceToken }: TestTenant) =>
      limited.request('POST', `${dataKeysPath}${path}`, { token: serviceToken, body })
    const first = await ask('', {}, greedy)
    const statuses = [
      first.status,
      (await ask('/unwrap', { header: textAt(first.body, 'header') }, greedy)).status,
      (await ask('/blind-index', { keyName: 'email' }, greedy)).status,
    ]
    expect(statuses).toEqual([200, 200, 200])
    const refused = await Promise.all(Array.from({ length: 5 }, () => ask('', {}, greedy)))
    expect(refused.map(({ status, body }) => `${status} ${errorCode(body)}`)).toEqual(
      Array.from({ length: 5 }, () => '429 ERR_LEASE_QUOTA'),
    )
    expect((await ask('', {}, neighbour)).status).toBe(200)
  },
)

test('when the customer disables the key no lease is given any more, and none outlives the bound', async () => {
  const revoked = await server.createTenant()
  const { fingerprint, arn } = await registerKey(server, revoked)
  await migrateTo(server, revoked, fingerprint)
  const lease = await leaseOne(revoked)
  await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  expect(lease.expiresInSeconds).toBeLessThanOrEqual(ttlSeconds)
  await expect
    .poll(async () => (await post(`${dataKeysPath}/unwrap`, { header: lease.header }, revoked)).status, {
      timeout: (ttlSeconds + 3) * 1_000,
    })
    .toBe(424)
  expect((await post(dataKeysPath, {}, revoked)).status).toBe(424)
})

slowTest('many leases cost the KMS next to nothing', async () => {
  const busy = await server.createTenant()
  const { fingerprint, arn } = await registerKey(server, busy)
  await migrateTo(server, busy, fingerprint)
  await leaseOne(busy)
  server.kms.resetCallCounts()
  const startMs = performance.now()
  for (let round = 0; round < 50; round++) await leaseOne(busy)
  const halvesOfTtl = Math.ceil((performance.now() - startMs) / (ttlSeconds * 500))
  // One refresh for each half of the TTL at most, and none for a lease as such.
  expect(server.kms.countCalls({ keyId: arn })).toBeLessThanOrEqual(1 + halvesOfTtl)
})
