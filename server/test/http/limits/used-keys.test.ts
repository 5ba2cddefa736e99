// A long body may be under way for long. What has happened to its keys meanwhile counts before its answer is sent.
import { generateKey, KeyholdError, type DataKey } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { afterAll, expect, test } from 'vitest'
import type { RequestKeys } from '../../../src/data/request-keys.ts'
import { createLongBodies } from '../../../src/http/long-bodies/create-long-bodies.ts'
import { LongBody } from '../../../src/http/long-bodies/long-body.ts'
import { sendLongBody } from '../../../src/http/server/send-long-body.ts'

const dataKey: DataKey = { tenantId: 'tenant-1', id: randomUUID(), version: 3, key: generateKey() }
const longBodies = createLongBodies()
afterAll(() => longBodies.close())

/** Encrypts under the key, and answers what is sent; `later` is what is found of the key once the work on the body is done. */
async function sent(
  later: RequestKeys['named'],
  isOctets: boolean,
): Promise<{ bytes: Buffer[]; items: number }> {
  const bytes: Buffer[] = []
  let items = 0
  const asked: unknown[] = []
  const keys: RequestKeys = {
    actives: (names) => new Map(Array.from(names, (name) => [name, dataKey])),
    named: (positions) => {
      asked.push(...positions.values())
      return later(positions)
    },
    keyNames: () => expect.fail('nobody asks for it'),
  }
  const reply = {
    raw: Object.assign(new EventEmitter(), { closed: false }),
    header: () => reply,
    send: (body: Buffer) => bytes.push(body),
  }
  const request = { authorized: { tenantId: 'tenant-1', caller: {} }, headers: {} }
  const text = isOctets ? 'hi' : '{"items":[{"plaintext":"aGk="}]}'
  try {
    await sendLongBody(
      'encrypt',
      { longBodies, keysOf: () => keys, onItems: (_, ok) => (items += ok) },
      request as unknown as FastifyRequest,
      new LongBody(Buffer.from(text), isOctets),
      reply as unknown as FastifyReply,
    )
  } finally {
    expect(asked).toEqual([{ dataKeyId: dataKey.id, version: 3 }])
    if (bytes.length === 0) expect(items).toBe(0)
  }
  return { bytes, items }
}

test.each([false, true])('keys that are still there let the answer go; as bytes: %s', async (isOctets) => {
  const { bytes, items } = await sent(
    (names) => new Map(Array.from(names.keys(), (name) => [name, dataKey])),
    isOctets,
  )
  expect([bytes.length, items]).toEqual([1, 1])
})

const ended =
  (code: 'ERR_DECRYPTION_FAILED' | 'ERR_KEY_VERSION_RETIRED'): RequestKeys['named'] =>
  (names) =>
    new Map(Array.from(names.keys(), (name) => [name, new KeyholdError(code)]))

test.each<[string, RequestKeys['named'], string]>([
  [
    'a tenant that was locked',
    () => Promise.reject(new KeyholdError('ERR_TENANT_LOCKED')),
    'ERR_TENANT_LOCKED',
  ],
  [
    'a key that the customer denies',
    () => Promise.reject(new KeyholdError('ERR_KMS_DENIED')),
    'ERR_KMS_DENIED',
  ],
  ['a data key that was destroyed', ended('ERR_DECRYPTION_FAILED'), 'ERR_SERVER_BUSY'],
  ['a version that was retired', ended('ERR_KEY_VERSION_RETIRED'), 'ERR_SERVER_BUSY'],
])('%s gets no answer of work that was under way', async (_, later, code) => {
  for (const isOctets of [false, true]) await expect(sent(later, isOctets)).rejects.toMatchObject({ code })
})
