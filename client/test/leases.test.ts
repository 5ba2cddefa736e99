// How long a leased key lives, by a clock that the test sets.
import { describe, expect, test } from 'vitest'
import { createKeyholdClient, type KeyholdClientOptions } from '@keyhold/client/node'
import { LeaseCache } from '../src/node/lease-cache.ts'
import { startFakeKeyhold, type FakeKeyhold } from './fake-keyhold.ts'

async function setUp(options: Partial<KeyholdClientOptions> = {}) {
  const server = await startFakeKeyhold()
  const clock = { nowMs: 1_000 }
  const client = createKeyholdClient({
    url: server.url,
    token: 'kh_t',
    maxRetries: 0,
    clock: () => clock.nowMs,
    ...options,
  })
  return { server, clock, client, tenant: client.tenant('acme') }
}

const callsOf = ({ calls }: FakeKeyhold): string => calls.join(' ')

describe('a lease', () => {
  test('serves many operations without another call', async () => {
    const { server, tenant, client } = await setUp()
    const tokens = await Promise.all([1, 2, 3].map((value) => tenant.local.encrypt(String(value))))
    for (const token of tokens) await tenant.local.decrypt(token)
    await client.tenant('acme').local.encrypt('by another handle')
    expect(callsOf(server)).toBe('data-keys')
  })

  test('is renewed by asking again for the data key of the day', async () => {
    const { server, clock, tenant } = await setUp()
    const first = await tenant.local.encrypt('a')
    clock.nowMs += 59_999
    await tenant.local.encrypt('b')
    expect(callsOf(server)).toBe('data-keys')
    clock.nowMs += 1
    const third = await tenant.local.encrypt('c')
    expect(callsOf(server)).toBe('data-keys data-keys')
    expect(third.slice(0, 38)).toBe(first.slice(0, 38))
  })

  test('counts from before the request was sent', async () => {
    const { server, clock, tenant } = await setUp()
    server.delayMs = 30
    const encryption = tenant.local.encrypt('a')
    await new Promise((resolve) => setTimeout(resolve, 10))
    clock.nowMs += 59_000
    await encryption
    clock.nowMs += 1_000
    await tenant.local.encrypt('b')
    expect(callsOf(server)).toBe('data-keys data-keys')
  })

  test.each([0, 0.02])('of %d seconds serves the one operation for which it was fetched', async (seconds) => {
    const { server, clock, tenant } = await setUp()
    server.leaseSeconds = seconds
    const token = await tenant.local.encrypt('a')
    clock.nowMs += 20
    expect(await tenant.local.decryptText(token)).toBe('a')
    clock.nowMs += 20
    expect(await tenant.local.decryptText(token)).toBe('a')
    expect(callsOf(server)).toBe('data-keys unwrap unwrap')
  })

  test('of 0 seconds is not shared by operations at the same time', async () => {
    const { server, tenant } = await setUp()
    server.leaseSeconds = 0
    const token = await tenant.local.encrypt('a')
    await Promise.all([1, 2, 3].map(() => tenant.local.decrypt(token)))
    expect(callsOf(server)).toBe('data-keys unwrap unwrap unwrap')
  })

  test('is one for many that need it at the same time', async () => {
    const { server, clock, tenant } = await setUp()
    const token = await tenant.local.encrypt('a')
    clock.nowMs += 60_000
    await Promise.all([1, 2, 3].map(() => tenant.local.decrypt(token)))
    expect(callsOf(server)).toBe('data-keys unwrap')
  })

  test('is of one tenant', async () => {
    const { server, tenant, client } = await setUp()
    const token = await tenant.local.encrypt('a')
    const decryption = client.tenant('other').local.decrypt(token)
    await expect(decryption).rejects.toMatchObject({ code: 'ERR_DECRYPTION_FAILED' })
    await client.tenant('other').local.encrypt('a')
    expect(callsOf(server)).toBe('data-keys unwrap data-keys')
  })
})

describe('a revoked tenant', () => {
  test('decrypts and encrypts until the lease is over, and not a millisecond longer', async () => {
    const { server, clock, tenant } = await setUp()
    const token = await tenant.local.encrypt('a')
    server.isLocked = true
    clock.nowMs += 59_999
    expect(await tenant.local.decryptText(token)).toBe('a')
    clock.nowMs += 1
    const refused = { name: 'KeyholdApiError', status: 424, code: 'ERR_KMS_KEY_DISABLED' }
    await expect(tenant.local.decrypt(token)).rejects.toMatchObject(refused)
    await expect(tenant.local.decryptMany([{ token }])).rejects.toMatchObject(refused)
    await expect(tenant.local.encrypt('b')).rejects.toMatchObject(refused)
    server.isLocked = false
    expect(await tenant.local.decryptText(token)).toBe('a')
  })

  test('computes no blind index after the lease', async () => {
    const { server, clock, tenant } = await setUp()
    const index = tenant.local.blindIndex({ keyName: 'people' })
    const place = { table: 'people', column: 'ssn' }
    const before = await index.compute('a', place)
    server.isLocked = true
    expect(await index.compute('a', place)).toBe(before)
    clock.nowMs += 60_000
    await expect(index.compute('a', place)).rejects.toMatchObject({ status: 424 })
  })
})

describe('a data key', () => {
  test('is the same for all programs of the tenant, and gives way when the server says so', async () => {
    const { server, clock, tenant } = await setUp()
    const other = createKeyholdClient({ url: server.url, token: 'kh_t', clock: () => clock.nowMs })
    const token = await tenant.local.encrypt('a')
    expect((await other.tenant('acme').local.encrypt('b')).slice(0, 38)).toBe(token.slice(0, 38))
    server.endLeaseKeys()
    clock.nowMs += 59_999
    expect((await tenant.local.encrypt('c')).slice(0, 38)).toBe(token.slice(0, 38))
    clock.nowMs += 1
    expect((await tenant.local.encrypt('d')).slice(0, 38)).not.toBe(token.slice(0, 38))
    expect(await tenant.local.decryptText(token)).toBe('a')
    expect(callsOf(server)).toBe('data-keys data-keys data-keys unwrap')
  })
})

describe('the keys in memory', () => {
  test('are dropped at the end of their leases, even if nobody asks for them', async () => {
    const cache = new LeaseCache<string>({ clock: () => performance.now(), maxLeases: 10 })
    const fetched = (expiresInSeconds: number) => () => Promise.resolve({ key: 'k', expiresInSeconds })
    await cache.get('long', fetched(60))
    await cache.get('longest', fetched(1e9))
    await cache.get('short', fetched(0.03))
    await cache.get('shorter', fetched(0.01))
    await cache.get('for one operation', fetched(0))
    expect(cache.size).toBe(4)
    await expect.poll(() => cache.size, { interval: 5 }).toBe(2)
    cache.dispose()
    expect(cache.size).toBe(0)
  })

  test('are at most maxLeases, and those that were unused for longest go first', async () => {
    const { server, tenant, client } = await setUp({ maxLeases: 2 })
    await tenant.local.encrypt('a')
    await client.tenant('b').local.encrypt('a')
    await tenant.local.encrypt('a')
    await client.tenant('c').local.encrypt('a')
    await tenant.local.encrypt('a')
    expect(callsOf(server)).toBe('data-keys data-keys data-keys')
    await client.tenant('b').local.encrypt('a')
    expect(server.calls).toHaveLength(4)
  })

  test('are dropped by dispose, which also refuses keys on their way', async () => {
    const { server, client, tenant } = await setUp()
    const token = await tenant.local.encrypt('a')
    server.delayMs = 30
    const onItsWay = client.tenant('b').local.encrypt('a')
    await new Promise((resolve) => setTimeout(resolve, 10))
    client.dispose()
    const disposed = { code: 'ERR_CLIENT_DISPOSED', message: 'this client is disposed' }
    await expect(onItsWay).rejects.toMatchObject(disposed)
    await expect(tenant.local.decrypt(token)).rejects.toMatchObject(disposed)
    expect(await tenant.decryptText(token)).toBe('a')
  })

  test.each([{ maxLeases: 0 }, { maxLeases: 1.5 }])('options are checked: %j', (options) => {
    const create = () => createKeyholdClient({ url: 'http://localhost', token: 't', ...options })
    const refusal = {
      code: 'ERR_CLIENT_OPTION_INVALID',
      member: `options.${Object.keys(options).join('')}`,
    }
    expect(create).toThrow(expect.objectContaining(refusal) as Error)
  })
})

test('a caller that stops waiting does not stop the others', async () => {
  const { server, tenant } = await setUp()
  server.delayMs = 40
  const abort = new AbortController()
  const first = tenant.local.encrypt('a', { signal: abort.signal })
  const second = tenant.local.encrypt('b')
  abort.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  expect(await second).toMatch(/^kh1\./)
  expect(callsOf(server)).toBe('data-keys')
})

test.each([
  ['another header', { header: 'S0gBAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAE=' }],
  ['another tenant', { tenantId: 'other' }],
  ['another data key', { dataKeyId: '018f3c1e-0000-7000-8000-0000000000d1' }],
  ['a short key', { plaintext: 'AAAA' }],
  ['no key', { plaintext: null }],
  ['no header', { header: null }],
  ['a header in another form', { header: 'AAAA' }],
  ['no tenant', { tenantId: null }],
  ['a time that is text', { expiresInSeconds: '60' }],
  ['a time that is over', { expiresInSeconds: -1 }],
])('an answer with %s is refused', async (_name, changes) => {
  const server = await startFakeKeyhold()
  const changing: typeof fetch = async (...args) => {
    const body = (await (await fetch(...args)).json()) as object
    return new Response(JSON.stringify({ ...body, ...changes }))
  }
  const client = createKeyholdClient({ url: server.url, token: 'kh_t', fetch: changing })
  const encryption = client.tenant('acme').local.encrypt('a')
  await expect(encryption).rejects.toMatchObject({ code: 'ERR_CLIENT_BAD_REPLY' })
})
