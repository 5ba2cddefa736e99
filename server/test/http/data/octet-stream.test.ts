// One big value as bytes, without JSON.
import { parseTokenBytes } from '@keyhold/core'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { errorCode } from '../read-body.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const contextHeader = (context: unknown) => Buffer.from(JSON.stringify(context)).toString('base64url')

async function send(
  action: string,
  bytes: Buffer,
  { headers = {}, token = tenant.serviceToken }: { headers?: Record<string, string>; token?: string } = {},
): Promise<{ status: number; type: string | null; bytes: Buffer; code: string }> {
  const answer = await fetch(`${server.url}/api/v1/encryption/${action}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream', ...headers },
    body: new Uint8Array(bytes),
  })
  const body = Buffer.from(await answer.arrayBuffer())
  const code = answer.status < 400 ? '' : errorCode(JSON.parse(body.toString()))
  return { status: answer.status, type: answer.headers.get('content-type'), bytes: body, code }
}

test.each([0, 1, 16_383, 16_384, 16_385, 5_000_000])(
  'a value of %i bytes comes back as it was',
  async (length) => {
    const value = randomBytes(length)
    const encrypted = await send('encrypt', value)
    expect(encrypted).toMatchObject({ status: 200, type: 'application/octet-stream' })
    const decrypted = await send('decrypt', encrypted.bytes)
    expect(decrypted.status).toBe(200)
    expect(decrypted.bytes.equals(value)).toBe(true)
  },
)

test('what is encrypted as bytes decrypts as a token, and the other way round', async () => {
  const context = { table: 'users', column: '\u{1F600}' }
  const headers = { 'keyhold-context': contextHeader(context), 'keyhold-key-name': 'photos' }
  const { bytes } = await send('encrypt', Buffer.from('hi'), { headers })
  const token = `kh1.${bytes.toString('base64url')}`
  const asToken = await server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: [{ token, context }] },
  })
  expect(asToken.body).toEqual({ items: [{ plaintext: 'aGk=' }] })
  expect(parseTokenBytes(bytes).header.version).toBe(1)
  expect(await send('decrypt', bytes)).toMatchObject({ status: 400, code: 'ERR_DECRYPTION_FAILED' })
})

test('broken bytes, headers and foreign values are refused, each with its code', async () => {
  const { bytes } = await send('encrypt', Buffer.from('hi'))
  const flipped = Buffer.from(bytes)
  flipped[60] = (flipped[60] ?? 0) ^ 1
  const other = await server.createTenant()
  expect((await send('decrypt', flipped)).code).toBe('ERR_DECRYPTION_FAILED')
  expect((await send('decrypt', bytes, { token: other.serviceToken })).code).toBe('ERR_DECRYPTION_FAILED')
  expect((await send('decrypt', bytes.subarray(0, 90))).code).toBe('ERR_TOKEN_INVALID')
  expect((await send('decrypt', Buffer.alloc(0))).code).toBe('ERR_TOKEN_INVALID')
  for (const context of [
    'x',
    '{',
    contextHeader([]),
    contextHeader({ a: 1 }),
    contextHeader({ 'keyhold:a': 'b' }),
  ]) {
    const refused = await send('encrypt', bytes, { headers: { 'keyhold-context': context } })
    expect([refused.status, refused.code], context).toEqual([400, 'ERR_CONTEXT_INVALID'])
  }
  const named = await send('encrypt', bytes, { headers: { 'keyhold-key-name': 'blind-index:email' } })
  expect([named.status, named.code]).toEqual([400, 'ERR_KEY_NAME_INVALID'])
})

slowTest('a value over the limit of a request is refused', async () => {
  const tooLarge = await send('encrypt', Buffer.alloc(33_554_433))
  expect([tooLarge.status, tooLarge.code]).toEqual([413, 'ERR_PAYLOAD_TOO_LARGE'])
})

test('other routes take no bytes, and nobody without the right does', async () => {
  expect(await send('reencrypt', Buffer.from('x'))).toMatchObject({
    status: 415,
    code: 'ERR_UNSUPPORTED_MEDIA_TYPE',
  })
  expect(await send('encrypt', Buffer.from('x'), { token: tenant.adminToken })).toMatchObject({ status: 403 })
})
