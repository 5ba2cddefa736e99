// Who a token belongs to: asked of the database once in a while, and never remembered for one who is nobody.
import { beforeEach, expect, test } from 'vitest'
import { encodeApiKeyToken, generateApiKeyToken, hashApiKeySecret } from '../../src/access/api-key-token.ts'
import { createAuthenticate, type Authenticate } from '../../src/access/authenticate.ts'
import type { ApiKeyRow } from '../../src/store/api-keys.ts'
import type { Store } from '../../src/store/store.ts'

const token = generateApiKeyToken()
const text = encodeApiKeyToken(token)
const row: ApiKeyRow = {
  id: token.id,
  secretHash: hashApiKeySecret(token.secret),
  role: 'service',
  tenantId: 'tenant-1',
  name: '',
  createdAt: new Date(),
}
const caller = { apiKeyId: token.id, role: 'service', tenantId: 'tenant-1' }
const refusal = { code: 'ERR_UNAUTHENTICATED' }

let rows: Map<string, ApiKeyRow>
let reads: number
let nowMs: number
let beforeAnswer: () => void
let authenticate: Authenticate
beforeEach(() => {
  rows = new Map([[row.id, row]])
  reads = 0
  nowMs = 0
  beforeAnswer = () => undefined
  const find = (id: string) => {
    reads++
    const found = rows.get(id)
    beforeAnswer()
    return Promise.resolve(found)
  }
  authenticate = createAuthenticate({ apiKeys: { find } } as unknown as Store, () => nowMs)
})

test('a caller is asked for once, and then answered without a promise', async () => {
  expect(await authenticate(text)).toEqual(caller)
  expect(authenticate(text)).toEqual(caller)
  expect(reads).toBe(1)
})

test('a hundred requests at once ask once', async () => {
  const callers = await Promise.all(Array.from({ length: 100 }, async () => authenticate(text)))
  expect(callers).toEqual(Array.from({ length: 100 }, () => caller))
  expect(reads).toBe(1)
})

test('a revoked key ends five seconds after it was last looked at, in use all the while', async () => {
  await authenticate(text)
  rows.clear()
  for (; nowMs < 5_000; nowMs += 100) expect(authenticate(text)).toEqual(caller)
  await expect(authenticate(text)).rejects.toMatchObject(refusal)
})

test('the time counts from before the look, however late the answer', async () => {
  beforeAnswer = () => {
    nowMs += 4_000
    rows.clear()
  }
  await authenticate(text)
  nowMs = 4_999
  expect(authenticate(text)).toEqual(caller)
  nowMs = 5_000
  await expect(authenticate(text)).rejects.toMatchObject(refusal)
})

test('a wrong secret, an unknown id and what is no token are refused, also beside a key that is known', async () => {
  await authenticate(text)
  const other = generateApiKeyToken()
  for (const wrong of [
    encodeApiKeyToken({ id: token.id, secret: other.secret }),
    encodeApiKeyToken(other),
    `${text}A`,
    text.slice(0, -1),
    text.toUpperCase(),
    '',
    '__proto__',
  ]) {
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(authenticate(wrong), wrong).rejects.toMatchObject(refusal)
  }
})

test('who was refused is asked for anew: a key works as soon as it is made', async () => {
  rows.clear()
  await expect(authenticate(text)).rejects.toMatchObject(refusal)
  rows.set(row.id, row)
  expect(await authenticate(text)).toEqual(caller)
})

test('what the database does not answer now is asked for again', async () => {
  beforeAnswer = () => {
    throw new Error('away')
  }
  await expect(authenticate(text)).rejects.toThrow('away')
  beforeAnswer = () => undefined
  expect(await authenticate(text)).toEqual(caller)
})
