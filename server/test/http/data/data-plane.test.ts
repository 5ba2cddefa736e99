// Encrypting and decrypting over HTTP: batches, the fate of single items, and the limits.
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { rawRequest } from '../raw-request.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { encryptText } from '../scene.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const base64 = (text: string) => Buffer.from(text).toString('base64')
const send = (route: 'encrypt' | 'decrypt', body: unknown) =>
  server.request('POST', `/api/v1/encryption/${route}`, { token: tenant.serviceToken, body })

/** Sends one item and answers its outcome. */
async function one(route: 'encrypt' | 'decrypt', item: unknown): Promise<unknown> {
  const { status, body, text } = await send(route, { items: [item] })
  expect(status, text).toBe(200)
  expect(listAt(body, 'items')).toHaveLength(1)
  return at(body, 'items', 0)
}

describe('a batch', () => {
  test.each([1, 1_000])('of %i items goes there and back in its order', async (count) => {
    const plaintexts = Array.from({ length: count }, (_, index) => base64(`value ${index}`))

    const encrypted = await send('encrypt', { items: plaintexts.map((plaintext) => ({ plaintext })) })
    const tokens = listAt(encrypted.body, 'items').map((item) => textAt(item, 'token'))
    const decrypted = await send('decrypt', { items: tokens.map((token) => ({ token })) })

    expect(new Set(tokens).size).toBe(count)
    expect(decrypted.body).toEqual({ items: plaintexts.map((plaintext) => ({ plaintext })) })
  })

  test.each([
    ['without items', {}],
    ['of no items', { items: [] }],
    ['of 1,001 items', { items: Array.from({ length: 1_001 }, () => ({ plaintext: '' })) }],
    ['whose items are an object', { items: { 0: { plaintext: '' } } }],
    ['that is a list itself', [{ plaintext: '' }]],
    ['of null', null],
    ['with a prototype', '{"items":[{"plaintext":"","__proto__":{"keyName":"x"}}]}'],
    ['with a constructor', '{"items":[{"plaintext":"","constructor":{"prototype":{}}}]}'],
    ['that is no JSON', '{"items":['],
  ])('%s is refused with 400', async (_, body) => {
    for (const route of ['encrypt', 'decrypt'] as const) {
      const answer = await send(route, body)
      expect([answer.status, errorCode(answer.body)], route).toEqual([400, 'ERR_INVALID_REQUEST'])
    }
  })

  it('of another content type is refused with 415', async () => {
    const answer = await rawRequest(server.url, 'POST', '/api/v1/encryption/encrypt', {
      token: tenant.serviceToken,
      headers: { 'content-type': 'text/plain' },
      body: '{"items":[{"plaintext":""}]}',
    })

    expect(answer.status).toBe(415)
  })

  it('beyond 32 MiB is refused with 413', async () => {
    const answer = await rawRequest(server.url, 'POST', '/api/v1/encryption/encrypt', {
      token: tenant.serviceToken,
      headers: { 'content-type': 'application/json', 'content-length': '33554433' },
    })

    expect([answer.status, errorCode(answer.body)]).toEqual([413, 'ERR_PAYLOAD_TOO_LARGE'])
  })
})

describe('a bad item', () => {
  const bad: [unknown, string][] = [
    [null, 'ERR_INVALID_REQUEST'],
    ['text', 'ERR_INVALID_REQUEST'],
    [[], 'ERR_INVALID_REQUEST'],
    [{}, 'ERR_INVALID_REQUEST'],
    [{ plaintext: 1 }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: { toString: 'x' } }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: '', ref: 5 }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: '', ref: 'r'.repeat(257) }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: '', keyName: null }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: '', context: { a: 1 } }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: '', context: 'a=1' }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: 'a' }, 'ERR_PLAINTEXT_INVALID'],
    [{ plaintext: 'YQ' }, 'ERR_PLAINTEXT_INVALID'],
    [{ plaintext: 'YR==' }, 'ERR_PLAINTEXT_INVALID'],
    [{ plaintext: 'Y\nQ==' }, 'ERR_PLAINTEXT_INVALID'],
    [{ plaintext: '', aad: { a: 'misspelt' } }, 'ERR_INVALID_REQUEST'],
    [{ plaintext: '', keyName: '' }, 'ERR_KEY_NAME_INVALID'],
    [{ plaintext: '', keyName: 'a/b' }, 'ERR_KEY_NAME_INVALID'],
    [{ plaintext: '', keyName: 'a\u0000' }, 'ERR_KEY_NAME_INVALID'],
    [{ plaintext: '', keyName: 'default\n' }, 'ERR_KEY_NAME_INVALID'],
    [{ plaintext: '', keyName: 'k'.repeat(65) }, 'ERR_KEY_NAME_INVALID'],
    [{ plaintext: '', context: { '': 'a' } }, 'ERR_CONTEXT_INVALID'],
    [{ plaintext: '', context: { 'keyhold:a': 'a' } }, 'ERR_CONTEXT_INVALID'],
    [{ plaintext: '', context: { a: '\u0000' } }, 'ERR_CONTEXT_INVALID'],
    [{ plaintext: '', context: { 'e\u0301': 'not normalised' } }, 'ERR_CONTEXT_INVALID'],
    [{ plaintext: '', context: { a: 'v'.repeat(513) } }, 'ERR_CONTEXT_INVALID'],
    [
      { plaintext: '', context: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ''])) },
      'ERR_CONTEXT_INVALID',
    ],
  ]

  it('never fails the others, and each is told its own fault', async () => {
    const good = { plaintext: base64('good'), ref: 'good' }
    const items = bad.flatMap(([item]) => [good, item])

    const { status, body } = await send('encrypt', { items: [...items, good] })

    expect(status).toBe(200)
    const outcomes = listAt(body, 'items')
    expect(outcomes).toHaveLength(items.length + 1)
    for (const [index, outcome] of outcomes.entries()) {
      if (index % 2 === 0) expect(textAt(outcome, 'token')).toMatch(/^kh1\./)
      else
        expect(textAt(outcome, 'error', 'code'), JSON.stringify(items[index])).toBe(bad[(index - 1) / 2]?.[1])
    }
  })

  it('gets its ref back, where that is one', async () => {
    expect(await one('encrypt', { plaintext: 1, ref: 'mine' })).toMatchObject({ ref: 'mine' })
    expect(await one('encrypt', { plaintext: '', ref: '\u0000' })).toMatchObject({ ref: '\u0000' })
    expect(await one('encrypt', { plaintext: '', ref: 7 })).not.toHaveProperty('ref')
    expect(await one('decrypt', { token: 'kh1.', ref: '' })).toMatchObject({ ref: '' })
  })

  it('of a token says only whether it is one', async () => {
    const token = await encryptText(server, tenant, 'secret')
    const flipped = `${token.slice(0, -6)}${token.at(-6) === 'A' ? 'B' : 'A'}${token.slice(-5)}`
    for (const each of ['', 'kh1.', 'kh2.AAAA', `${token}=`, `${token} `, token.slice(1), `${token}\u0000`]) {
      expect(textAt(await one('decrypt', { token: each }), 'error', 'code'), each).toBe('ERR_TOKEN_INVALID')
    }
    expect(textAt(await one('decrypt', { token: flipped }), 'error', 'code')).toBe('ERR_DECRYPTION_FAILED')
  })
})

describe('an item', () => {
  it('may be empty', async () => {
    const token = textAt(await one('encrypt', { plaintext: '' }), 'token')

    expect(await one('decrypt', { token })).toEqual({ plaintext: '' })
  })

  it('has at most 1 MiB', async () => {
    const largest = Buffer.alloc(1_048_576, 7)
    const token = textAt(await one('encrypt', { plaintext: largest.toString('base64') }), 'token')

    expect(await one('decrypt', { token })).toEqual({ plaintext: largest.toString('base64') })
    const larger = Buffer.alloc(1_048_577, 7).toString('base64')
    expect(await one('encrypt', { plaintext: larger })).toMatchObject({
      error: { code: 'ERR_ITEM_TOO_LARGE' },
    })
    expect(await one('decrypt', { token: `kh1.${'A'.repeat(1_500_000)}` })).toMatchObject({
      error: { code: 'ERR_TOKEN_INVALID' },
    })
  })

  it('opens with the same context alone, in whatever order', async () => {
    const context = { order: '17', customer: 'ä' }
    const token = await encryptText(server, tenant, 'bound', { context })
    const failed = { error: { code: 'ERR_DECRYPTION_FAILED', title: 'The value cannot be decrypted.' } }

    expect(await one('decrypt', { token, context: { customer: 'ä', order: '17' } })).toEqual({
      plaintext: base64('bound'),
    })
    expect(await one('decrypt', { token })).toEqual(failed)
    expect(await one('decrypt', { token, context: { ...context, order: '18' } })).toEqual(failed)
    expect(await one('decrypt', { token, context: { ...context, more: '' } })).toEqual(failed)
    expect(await one('decrypt', { token, context: { order: 'ä', customer: '17' } })).toEqual(failed)
  })

  it('has a data key for each key name, "default" when it has none', async () => {
    const dataKeyId = (token: string) => Buffer.from(token.slice(4), 'base64url').toString('hex', 6, 22)
    const unnamed = dataKeyId(await encryptText(server, tenant, 'x'))
    const named = dataKeyId(await encryptText(server, tenant, 'x', { keyName: 'default' }))
    const other = dataKeyId(await encryptText(server, tenant, 'x', { keyName: 'invoices.2026_A-b' }))

    expect(named).toBe(unnamed)
    expect(other).not.toBe(unnamed)
  })
})

it('makes one data key for many first users of a key name', async () => {
  const tokens = await Promise.all(
    Array.from({ length: 20 }, () => encryptText(server, tenant, 'x', { keyName: 'in-a-hurry' })),
  )

  const ids = tokens.map((token) => Buffer.from(token.slice(4), 'base64url').toString('hex', 6, 22))
  expect(new Set(ids).size).toBe(1)
})
