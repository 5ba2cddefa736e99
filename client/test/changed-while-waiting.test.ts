// Arguments that the caller changes while a call waits, or that answer differently when they are read again. The SDK
// must encrypt what it was given, so that it decrypts.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createKeyholdClient, type TenantClient } from '@keyhold/client/node'
import { startFakeKeyhold } from './fake-keyhold.ts'

async function setUp() {
  const server = await startFakeKeyhold()
  return { server, tenant: createKeyholdClient({ url: server.url, token: 'kh_t' }).tenant() }
}

const sides = [
  ['the server', (tenant: TenantClient) => tenant],
  ['the SDK', (tenant: TenantClient) => tenant.local],
] as const

describe.each(sides)('a value that %s encrypts', (_name, sideOf) => {
  test('is the given one, even if its buffer is used again', async () => {
    const { tenant } = await setUp()
    const bytes = Uint8Array.of(1, 2, 3)
    const pending = sideOf(tenant).encrypt(bytes)
    bytes.fill(9)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    expect([...(await tenant.decrypt(await pending))]).toEqual([1, 2, 3])
  })

  test('is bound to the given context', async () => {
    const { tenant } = await setUp()
    const context: Record<string, string> = { id: '1' }
    const items = [{ plaintext: 'a', context }]
    const options = { context }
    const pending = [sideOf(tenant).encrypt('a', options), sideOf(tenant).encryptMany(items)] as const
    context.id = '2'
    context.more = 'x'
    options.context = {}
    items.length = 0
    const tokens = [await pending[0], (await pending[1])[0]?.value ?? '']
    for (const token of tokens) expect(await tenant.decryptText(token, { context: { id: '1' } })).toBe('a')
  })

  test('is read only once, so that a getter or a proxy cannot change it', async () => {
    const { tenant } = await setUp()
    let reads = 0
    const context = {
      get id() {
        return String(++reads)
      },
    }
    const token = await sideOf(tenant).encrypt('a', { context })
    expect(await tenant.decryptText(token, { context: { id: '1' } })).toBe('a')
    const proxy = new Proxy({ id: '' }, { get: () => String(++reads) })
    const second = await sideOf(tenant).encrypt('b', { context: proxy })
    expect(await tenant.decryptText(second, { context: { id: '2' } })).toBe('b')
    const item = {
      get plaintext() {
        return ++reads === 3 ? 'first' : 5
      },
    }
    const [result] = await sideOf(tenant).encryptMany([item as never])
    expect(await tenant.decryptText(result?.value ?? '')).toBe('first')
  })

  test('may have names in its context that all objects have', async () => {
    const { tenant } = await setUp()
    const context = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>
    const token = await sideOf(tenant).encrypt('a', { context })
    expect(await tenant.decryptText(token, { context })).toBe('a')
    expect(await tenant.local.decryptText(token, { context })).toBe('a')
    const without = tenant.decrypt(token, { context: { constructor: 'b' } })
    await expect(without).rejects.toMatchObject({ code: 'ERR_DECRYPTION_FAILED' })
  })

  test('belongs to the given record with the given id', async () => {
    const { tenant } = await setUp()
    interface Row {
      id: string
      ssn: unknown
      notes: { private: string; public?: string }
    }
    const options = { table: 't', id: ({ id }: Row) => id }
    const people = sideOf(tenant).fields<Row>(['ssn', 'notes.private'], options)
    const row: Row = { id: '1', ssn: Uint8Array.of(1), notes: { private: 'p' } }
    const before = structuredClone(row)
    const pending = people.encrypt(row)
    row.id = '2'
    ;(row.ssn as Uint8Array).fill(9)
    row.notes.private = 'other'
    row.notes.public = 'other'
    options.table = 'other'
    options.id = () => 'other'
    expect(await people.decrypt(await pending)).toEqual(before)
  })
})

test('the items of a later request have the given context', async () => {
  const { server, tenant } = await setUp()
  const context = { id: '1' }
  const items = Array.from({ length: 1_001 }, () => ({ plaintext: 'a', context }))
  const pending = tenant.encryptMany(items)
  context.id = '2'
  const last = (await pending).at(-1)?.value ?? ''
  expect(server.calls).toEqual(['encrypt', 'encrypt'])
  expect(await tenant.decryptText(last, { context: { id: '1' } })).toBe('a')
})

test('a stream encrypts the piece that was written, even if its buffer is used again', async () => {
  const { server, tenant } = await setUp()
  server.delayMs = 20
  const stream = tenant.local.encryptStream()
  const encrypted = new Response(stream.readable).arrayBuffer()
  const writer = stream.writable.getWriter()
  // Whole chunks wait for a key.
  const piece = new Uint8Array(20_000).fill(1)
  await writer.ready
  const written = writer.write(piece)
  await new Promise((resolve) => setTimeout(resolve, 5))
  structuredClone(piece.buffer, { transfer: [piece.buffer] })
  await written
  await writer.close()
  const source = new Blob([await encrypted]).stream().pipeThrough(tenant.local.decryptStream())
  const content = new Uint8Array(await new Response(source).arrayBuffer())
  expect(content).toEqual(new Uint8Array(20_000).fill(1))
})

test('a file gets the given name, even if its URL is changed', async () => {
  const { server, tenant } = await setUp()
  server.delayMs = 20
  const folder = await mkdtemp(join(tmpdir(), 'keyhold-changed-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'plain'), 'content')
  const target = pathToFileURL(join(folder, 'target'))
  const context = { a: 'b' }
  const options = { context, overwrite: false }
  const pending = tenant.local.encryptFile(pathToFileURL(join(folder, 'plain')), target, options)
  target.pathname = join(folder, 'other')
  context.a = 'c'
  options.overwrite = true
  await pending
  expect((await readdir(folder)).toSorted()).toEqual(['plain', 'target'])
  const range = await tenant.local.readRange(join(folder, 'target'), 0, 7, { context: { a: 'b' } })
  expect(range.toString()).toBe('content')
})

test('a client keeps the options that it was created with', async () => {
  const { server } = await setUp()
  const headers: Record<string, string> = { 'x-a': 'b' }
  const seen: string[] = []
  const options = {
    url: server.url,
    token: 'kh_t',
    tenantId: 'acme',
    headers,
    fetch: ((url, init) => {
      const sent = new Headers(init?.headers)
      seen.push([sent.get('authorization'), sent.get('keyhold-tenant'), sent.get('x-a')].join(' '))
      return fetch(url, init)
    }) satisfies typeof fetch,
  }
  const client = createKeyholdClient(options)
  options.token = 'other'
  options.tenantId = 'other'
  headers['x-a'] = 'other'
  await client.tenant().encrypt('a')
  await client.tenant().local.encrypt('a')
  expect(seen).toEqual(['Bearer kh_t acme b', 'Bearer kh_t acme b'])
})
