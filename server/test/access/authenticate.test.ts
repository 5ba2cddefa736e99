// Who a token belongs to: asked of the database once in a while. One who is nobody is remembered for a moment, and an
// address with many of them is refused, but never a token that was valid before.
import type { KeyholdError } from '@keyhold/core'
import { beforeEach, expect, test } from 'vitest'
import { createHmac } from 'node:crypto'
import {
  encodeApiKeyToken,
  generateApiKeyToken,
  hashApiKeySecret,
  type ApiKeyToken,
} from '../../src/access/api-key-token.ts'
import { createAuthenticate } from '../../src/access/authenticate.ts'
import { createHeldCallers, type HeldCallers } from '../../src/access/held-callers.ts'
import type { Caller } from '../../src/access/caller.ts'
import type { ApiKeyRow } from '../../src/store/api-keys/api-keys.ts'
import type { Store } from '../../src/store/store.ts'

const tagOf = (idStart: string) => createHmac('sha256', 'a root key').update(idStart).digest()
const generate = () => generateApiKeyToken(tagOf)
const token = generate()
const text = encodeApiKeyToken(token)
const row: ApiKeyRow = {
  id: token.id,
  secretHash: hashApiKeySecret(token),
  role: 'service',
  tenantId: 'tenant-1',
  name: '',
  createdAt: new Date(),
}
const caller = { kind: 'api-key', id: token.id, role: 'service', tenantId: 'tenant-1' }
const refusal = { code: 'ERR_UNAUTHENTICATED' }

let rows: Map<string, ApiKeyRow>
let reads: string[][]
let refusals = 0
let nowMs: number
let beforeAnswer: () => void | Promise<void>
let held: HeldCallers
let ask: (token: string, address?: string) => Caller | Promise<Caller>
beforeEach(() => {
  rows = new Map([[row.id, row]])
  reads = []
  refusals = 0
  nowMs = 0
  beforeAnswer = () => undefined
  ask = create({ perMinute: 100 })
})

function create({ perMinute, replicas = 1 }: { perMinute: number; replicas?: number }) {
  const findAll = async (ids: readonly string[]) => {
    reads.push([...ids])
    const found = new Map([...rows].filter(([id]) => ids.includes(id)))
    await beforeAnswer()
    return found
  }
  const store = { apiKeys: { findAll } } as unknown as Store
  const clock = () => nowMs
  held = createHeldCallers({ store, ttlMs: 5_000, clock })
  const { authenticate } = createAuthenticate({
    ...{ store, held, tagOf, clock, perMinute },
    replicas: () => replicas,
    onRefused: () => (refusals += 1),
  })
  return (token: string, address = '192.0.2.1') =>
    authenticate(token, { client: () => address, full: () => address })
}

const junk = () => encodeApiKeyToken(generate())

/** The outcomes of `count` unknown keys, with their numbers. */
async function sendJunk(count: number, address?: string): Promise<Record<string, number>> {
  const codes = await Promise.all(
    Array.from({ length: count }, async () => {
      const error: unknown = await Promise.resolve(ask(junk(), address)).catch((error: unknown) => error)
      return (error as KeyholdError).code
    }),
  )
  return Object.fromEntries(
    [...new Set(codes)].map((code) => [code, codes.filter((each) => each === code).length]),
  )
}

test('a caller is asked for once, and then answered without a promise', async () => {
  expect(await ask(text)).toEqual(caller)
  expect(ask(text)).toEqual(caller)
  expect(reads).toEqual([[token.id]])
})

test('a hundred requests at once ask once', async () => {
  const callers = await Promise.all(Array.from({ length: 100 }, async () => ask(text)))
  expect(callers).toEqual(Array.from({ length: 100 }, () => caller))
  expect(reads).toEqual([[token.id]])
})

test('without the database a revoked key ends when its time is over, in use all the while', async () => {
  await ask(text)
  rows.clear()
  for (; nowMs < 5_000; nowMs += 100) expect(ask(text)).toEqual(caller)
  await expect(ask(text)).rejects.toMatchObject(refusal)
})

test('the time counts from before the look, however late the answer', async () => {
  beforeAnswer = () => {
    nowMs += 4_000
    rows.clear()
  }
  await ask(text)
  nowMs = 4_999
  expect(ask(text)).toEqual(caller)
  nowMs = 5_000
  await expect(ask(text)).rejects.toMatchObject(refusal)
})

test('a key in use whose row is still there stays when it is read again, and an idle one does not', async () => {
  await ask(text)
  for (nowMs = 4_000; nowMs < 60_000; nowMs += 4_000) {
    await held.readAgain()
    expect(ask(text)).toEqual(caller)
  }
  const looked = reads.length
  for (const endMs = nowMs + 15_000; nowMs < endMs; nowMs += 1_000) await held.readAgain()
  await ask(text)
  expect(reads.length).toBeGreaterThan(looked)
  expect(reads.at(-1)).toEqual([token.id])
  expect(ask(text)).toEqual(caller)
})

test('a key whose time is over is not read any more', async () => {
  await ask(text)
  nowMs += 600_000
  const looked = reads.length
  await held.readAgain()
  expect(reads.length).toBe(looked)
})

const changes: [string, () => unknown][] = [
  [
    'is gone',
    () => {
      rows.clear()
    },
  ],
  ['has another role', () => rows.set(row.id, { ...row, role: 'operator' })],
  ['belongs to another tenant', () => rows.set(row.id, { ...row, tenantId: 'tenant-2' })],
  ['has another secret', () => rows.set(row.id, { ...row, secretHash: Buffer.alloc(32) })],
]
test.each(changes)('a key whose row %s is looked up anew as soon as it is read again', async (_, change) => {
  await ask(text)
  change()
  await held.readAgain()
  const asked = ask(text)
  expect(asked).toBeInstanceOf(Promise)
  await Promise.resolve(asked).catch(() => undefined)
})

test('a key that is revoked here is refused at once, whatever the database says and whatever is under way', async () => {
  await ask(text)
  held.end(token.id)
  await expect(ask(text)).rejects.toMatchObject(refusal)

  const other = generate()
  rows.set(other.id, { ...row, id: other.id, secretHash: hashApiKeySecret(other) })
  const { promise, resolve } = Promise.withResolvers<undefined>()
  beforeAnswer = () => promise
  const refused = expect(ask(encodeApiKeyToken(other))).rejects.toMatchObject(refusal)
  await new Promise(setImmediate)
  held.end(other.id)
  resolve(undefined)
  await refused
})

test('a key that was read before the end of its tenant is not held after it', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  beforeAnswer = () => promise
  const asked = ask(text)
  await new Promise(setImmediate)
  held.endTenant('tenant-1')
  resolve(undefined)
  expect(await asked).toEqual(caller)
  rows.clear()
  await expect(ask(text)).rejects.toMatchObject(refusal)
})

test('the end of a tenant ends its keys, and no other', async () => {
  await ask(text)
  held.endTenant('tenant-2')
  expect(ask(text)).toEqual(caller)
  held.endTenant('tenant-1')
  expect(ask(text)).toBeInstanceOf(Promise)
})

test('a wrong secret, an unknown id and what is no token are refused, also beside a key that is known', async () => {
  await ask(text)
  const other = generate()
  for (const wrong of [
    encodeApiKeyToken({ ...token, secret: other.secret }),
    encodeApiKeyToken(other),
    `${text}A`,
    text.slice(0, -1),
    text.toUpperCase(),
    '',
    '__proto__',
  ]) {
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(ask(wrong), wrong).rejects.toMatchObject(refusal)
  }
})

test('who was refused is not looked up again for five seconds, and then is', async () => {
  rows.clear()
  for (; nowMs < 5_000; nowMs += 500) await expect(ask(text)).rejects.toMatchObject(refusal)
  expect(reads).toHaveLength(1)
  rows.set(row.id, row)
  expect(await ask(text)).toEqual(caller)
  expect(reads).toHaveLength(2)
})

test('a key works as soon as it is made, whatever was refused before', async () => {
  await sendJunk(50)
  const made = generate()
  rows.set(made.id, { ...row, id: made.id, secretHash: hashApiKeySecret(made) })
  expect(await ask(encodeApiKeyToken(made))).toMatchObject({ id: made.id })
})

test('a wrong secret is remembered with that secret alone', async () => {
  const wrong = encodeApiKeyToken({ ...token, secret: generate().secret })
  await expect(ask(wrong)).rejects.toMatchObject(refusal)
  expect(await ask(text)).toEqual(caller)
})

test('a thousand unknown keys at once are two queries, one that runs and one for all that came meanwhile', async () => {
  ask = create({ perMinute: 0 })
  const { promise, resolve } = Promise.withResolvers<undefined>()
  beforeAnswer = () => promise
  const first = sendJunk(1)
  await Promise.resolve()
  const others = sendJunk(999)
  await new Promise(setImmediate)
  expect(reads.map((ids) => ids.length)).toEqual([1])
  resolve(undefined)
  await Promise.all([first, others])
  expect(reads.map((ids) => ids.length)).toEqual([1, 999])
})

test('a key that was valid before does not wait behind a query for unknown ones', async () => {
  await ask(text)
  nowMs = 5_000
  const { promise, resolve } = Promise.withResolvers<undefined>()
  beforeAnswer = () => (reads.at(-1)?.includes(token.id) === true ? undefined : promise)
  const refused = sendJunk(10)
  expect(await ask(text)).toEqual(caller)
  resolve(undefined)
  await refused
})

test('an address with too many unknown keys costs no more look-ups until a tenth is back; another one is not touched', async () => {
  expect(await sendJunk(100)).toEqual({ ERR_UNAUTHENTICATED: 100 })
  const before = reads.length
  expect(await sendJunk(50)).toEqual({ ERR_TOO_MANY_UNKNOWN_KEYS: 50 })
  expect([reads.length - before, refusals]).toEqual([0, 50])
  await expect(ask(junk())).rejects.toMatchObject({ details: { retryAfterSeconds: '6' } })
  expect(await sendJunk(1, '192.0.2.2')).toEqual({ ERR_UNAUTHENTICATED: 1 })
  nowMs = 6_000
  expect(await sendJunk(1)).toEqual({ ERR_UNAUTHENTICATED: 1 })
})

test('no more are looked up at once than the address has left, and the end of one lets the next in', async () => {
  expect(await sendJunk(1_000)).toEqual({ ERR_UNAUTHENTICATED: 100, ERR_TOO_MANY_UNKNOWN_KEYS: 900 })
  expect([reads.flat().length, refusals]).toEqual([100, 900])
  nowMs = 120_000
  await sendJunk(99)
  beforeAnswer = () => {
    throw new Error('away')
  }
  expect(await sendJunk(3)).toEqual({ undefined: 3 })
  beforeAnswer = () => undefined
  expect(await Promise.all([ask(text), sendJunk(3)])).toEqual([
    caller,
    { ERR_UNAUTHENTICATED: 1, ERR_TOO_MANY_UNKNOWN_KEYS: 2 },
  ])
})

test('a key that was valid before is never refused for its address; one that nobody has seen yet is, for a while', async () => {
  await ask(text)
  nowMs = 5_000
  await sendJunk(100)
  expect(await sendJunk(1)).toEqual({ ERR_TOO_MANY_UNKNOWN_KEYS: 1 })
  const looked = reads.length
  expect([await ask(text), reads.length]).toEqual([caller, looked + 1])
  const unseen = generate()
  rows.set(unseen.id, { ...row, id: unseen.id, secretHash: hashApiKeySecret(unseen) })
  await expect(ask(encodeApiKeyToken(unseen))).rejects.toMatchObject({ code: 'ERR_TOO_MANY_UNKNOWN_KEYS' })
  expect(await ask(encodeApiKeyToken(unseen), '192.0.2.2')).toMatchObject({ id: unseen.id })
  nowMs = 11_000
  expect(await ask(encodeApiKeyToken(unseen))).toMatchObject({ id: unseen.id })
})

test('a key that is revoked is not known good any more', async () => {
  await ask(text)
  rows.clear()
  nowMs = 5_000
  await expect(ask(text)).rejects.toMatchObject(refusal)
  nowMs = 10_000
  await sendJunk(100)
  await expect(ask(text)).rejects.toMatchObject({ code: 'ERR_TOO_MANY_UNKNOWN_KEYS' })
})

test('valid keys cost their address nothing, however many there are', async () => {
  const tokens = Array.from({ length: 1_000 }, generate)
  rows = new Map(
    tokens.map((each) => [each.id, { ...row, id: each.id, secretHash: hashApiKeySecret(each) }] as const),
  )
  const callers = await Promise.all(tokens.map(async (each) => ask(encodeApiKeyToken(each))))
  expect(callers.map(({ id }) => id)).toEqual(tokens.map(({ id }) => id))
})

test('replicas share the limit of an address, and 0 is none', async () => {
  ask = create({ perMinute: 100, replicas: 4 })
  expect(await sendJunk(25)).toEqual({ ERR_UNAUTHENTICATED: 25 })
  expect(await sendJunk(1)).toEqual({ ERR_TOO_MANY_UNKNOWN_KEYS: 1 })
  ask = create({ perMinute: 0 })
  expect(await sendJunk(500)).toEqual({ ERR_UNAUTHENTICATED: 500 })
  expect(await sendJunk(1)).toEqual({ ERR_UNAUTHENTICATED: 1 })
})

test('what the database does not answer now is asked for again', async () => {
  beforeAnswer = () => {
    throw new Error('away')
  }
  await expect(ask(text)).rejects.toThrow('away')
  beforeAnswer = () => undefined
  expect(await ask(text)).toEqual(caller)
})

const forged = (each: ApiKeyToken) => ({
  ...each,
  id: each.id.slice(0, -1) + (each.id.endsWith('0') ? '1' : '0'),
})

test('an id that nobody with the root key has made is refused as one that exists, in the same order, and without a look-up', async () => {
  ask = create({ perMinute: 3 })
  const wrongSecret = () => encodeApiKeyToken({ ...token, secret: generate().secret })
  const invented = () => encodeApiKeyToken(forged(generate()))
  const codes = async (make: () => string, address: string) => {
    const all: string[] = []
    for (let count = 0; count < 5; count++) {
      const error: unknown = await Promise.resolve(ask(make(), address)).catch((error: unknown) => error)
      all.push((error as KeyholdError).code)
    }
    return all
  }
  const ofExisting = await codes(wrongSecret, '192.0.2.1')
  const looked = reads.length
  expect(await codes(invented, '192.0.2.2')).toEqual(ofExisting)
  expect(reads.length).toBe(looked)
  expect(ofExisting).toContain('ERR_TOO_MANY_UNKNOWN_KEYS')
  // Whatever used up the share of the address, both are told so.
  expect(await codes(invented, '192.0.2.1')).toEqual(await codes(wrongSecret, '192.0.2.2'))
})

test('a key that does not hold at an address is refused there as one that nobody has, also in the order of answers', async () => {
  ask = create({ perMinute: 3 })
  rows.set(row.id, { ...row, addresses: ['198.51.100.0/24'] })
  const codeOf = async (text: string, address: string) => {
    try {
      return (await ask(text, address)).id
    } catch (error) {
      return (error as KeyholdError).code
    }
  }
  const wrong = encodeApiKeyToken({ ...token, secret: generate().secret })
  for (nowMs = 0; nowMs < 60_000; nowMs += 3_000)
    expect(await codeOf(text, '192.0.2.1'), String(nowMs)).toBe(await codeOf(wrong, '192.0.2.2'))
  expect(await codeOf(text, '198.51.100.1')).toBe(token.id)
  await sendJunk(4)
  expect(await codeOf(text, '192.0.2.1')).toBe('ERR_TOO_MANY_UNKNOWN_KEYS')
  expect(await codeOf(text, '198.51.100.1')).toBe(token.id)
})

test('a key that is refused for its address does not count as used', async () => {
  rows.set(row.id, { ...row, addresses: ['198.51.100.0/24'] })
  for (let count = 0; count < 2; count++)
    await expect(Promise.resolve().then(() => ask(text))).rejects.toMatchObject(refusal)
  expect(held.takeUses()).toEqual(new Map())
  await ask(text, '198.51.100.1')
  nowMs = 500
  expect(held.takeUses()).toEqual(new Map([[token.id, 500]]))
})

test('a mistyped key costs no look-up and no share of the address', async () => {
  ask = create({ perMinute: 2 })
  for (let round = 0; round < 100; round++) {
    const mistyped = text.slice(0, 30) + (text[30] === 'a' ? 'b' : 'a') + text.slice(31)
    await expect(ask(mistyped)).rejects.toMatchObject(refusal)
  }
  expect(reads).toEqual([])
  expect(refusals).toBe(0)
  expect(await ask(text)).toEqual(caller)
})

test('a key of one form is none in the other, which versions before take for a key without limits', async () => {
  await expect(ask(encodeApiKeyToken({ ...token, form: 'plain' }))).rejects.toMatchObject(refusal)
  expect(reads).toEqual([[token.id]])
})

test('uses are told once, also of keys that are held no more', async () => {
  await ask(text)
  nowMs = 1_000
  expect(held.takeUses()).toEqual(new Map([[token.id, 1_000]]))
  nowMs = 2_000
  expect(held.takeUses()).toEqual(new Map())
  await ask(text)
  nowMs = 70_000
  await held.readAgain()
  expect(held.takeUses()).toEqual(new Map([[token.id, 68_000]]))
  expect(held.takeUses()).toEqual(new Map())
})

test('a key that ends is held no longer than that, however often it is read again', async () => {
  rows.set(row.id, { ...row, endsInMs: 7_000 } as ApiKeyRow)
  await ask(text)
  for (nowMs = 1_000; nowMs < 7_000; nowMs += 1_000) {
    expect(ask(text)).toEqual(caller)
    rows.set(row.id, { ...row, endsInMs: 7_000 - nowMs } as ApiKeyRow)
    await held.readAgain()
  }
  rows.delete(row.id)
  await expect(ask(text)).rejects.toMatchObject(refusal)
})

test('a key that ends sooner than others are held is looked up anew then, without a reading in between', async () => {
  rows.set(row.id, { ...row, endsInMs: 3_000 } as ApiKeyRow)
  await ask(text)
  nowMs = 2_999
  expect(ask(text)).toEqual(caller)
  rows.delete(row.id)
  nowMs = 3_000
  await expect(ask(text)).rejects.toMatchObject(refusal)
})

test.each<[string, Partial<ApiKeyRow>]>([
  ['ends earlier', { expiresAt: new Date(1) }],
  ['has other scopes', { scopes: [] }],
  ['has other networks', { addresses: ['192.0.2.1'] }],
])('a key that %s is looked up anew as soon as it is read again', async (_, change) => {
  await ask(text)
  rows.set(row.id, { ...row, ...change })
  await held.readAgain()
  expect(ask(text)).toBeInstanceOf(Promise)
})

test('a key of the form from before works', async () => {
  const plain = { form: 'plain', id: '0123456789abcdef', secret: `${'A'.repeat(42)}-` } as const
  rows.set(plain.id, { ...row, id: plain.id, secretHash: hashApiKeySecret(plain) })
  expect(await ask(encodeApiKeyToken(plain))).toMatchObject({ id: plain.id })
})
