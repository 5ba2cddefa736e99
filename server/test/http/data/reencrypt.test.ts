// Re-encryption: old data under the active data key of its name.
import { parseToken } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { makeKeysOlder } from '../../../../testkit/src/server/make-keys-older.ts'
import { textAt } from '../read-body.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const context = { table: 'users' }

async function post(action: string, items: unknown[]): Promise<unknown> {
  const path = `/api/v1/encryption/${action}`
  const { status, body } = await server.request('POST', path, { token: tenant.serviceToken, body: { items } })
  expect(status).toBe(200)
  return body
}

async function encryptOne(keyName: string): Promise<string> {
  return textAt(await post('encrypt', [{ plaintext: 'aGk=', keyName, context }]), 'items', 0, 'token')
}

function headerOf(token: string) {
  return parseToken(token).header
}

/** Makes the name's data key so much older. */
const age = (keyName: string, days: number) =>
  makeKeysOlder(server, tenant.tenantId, days * 86_400_000, `key_name = '${keyName}'`)

/** Lets the name's data key be followed by another one, as a rotation does. */
async function retire(keyName: string): Promise<void> {
  await server.query(
    `update keyhold.cipherkeys set state = 'decrypt-only' where tenant_id = $1 and key_name = $2`,
    [tenant.tenantId, keyName],
  )
}

test('a token under the active data key stays as it is', async () => {
  const token = await encryptOne('current')
  expect(await post('reencrypt', [{ token, context, ref: 'r' }])).toEqual({
    items: [{ token, reencrypted: false, ref: 'r' }],
  })
})

test('after a year a key name gets a new version of its data key, and old tokens go on', async () => {
  const old = await encryptOne('aged')
  await age('aged', 364)
  expect(headerOf(await encryptOne('aged'))).toEqual(headerOf(old))
  await age('aged', 2)
  const made = await Promise.all(Array.from({ length: 10 }, () => encryptOne('aged')))
  for (const token of made) expect(headerOf(token)).toEqual({ ...headerOf(old), version: 2 })
  expect(await post('decrypt', [{ token: old, context }])).toEqual({ items: [{ plaintext: 'aGk=' }] })
  expect(await post('reencrypt', [{ token: old, context }])).toMatchObject({ items: [{ reencrypted: true }] })
})

test('a token under an older data key comes under the active one of the same name, with the same context', async () => {
  const old = await encryptOne('rotated')
  await retire('rotated')
  const body = await post('reencrypt', [{ token: old, context }])
  const token = textAt(body, 'items', 0, 'token')
  expect(body).toEqual({ items: [{ token, reencrypted: true }] })
  expect(token).not.toBe(old)
  expect(await post('reencrypt', [{ token, context }])).toEqual({ items: [{ token, reencrypted: false }] })
  for (const each of [old, token]) {
    expect(await post('decrypt', [{ token: each, context }])).toEqual({ items: [{ plaintext: 'aGk=' }] })
  }
  expect(await post('decrypt', [{ token }])).toMatchObject({
    items: [{ error: { code: 'ERR_DECRYPTION_FAILED' } }],
  })
})

test('a token that does not open is refused, also one that would stay as it is, and the others go on', async () => {
  const token = await encryptOne('current')
  const body = await post('reencrypt', [{ token }, { token: 'x', ref: 'bad' }, 5, { token, context }])
  expect(body).toMatchObject({
    items: [
      { error: { code: 'ERR_DECRYPTION_FAILED' } },
      { error: { code: 'ERR_TOKEN_INVALID' }, ref: 'bad' },
      { error: { code: 'ERR_INVALID_REQUEST' } },
      { token, reencrypted: false },
    ],
  })
})
