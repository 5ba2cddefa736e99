// Links that sign in on this machine: once, for ten minutes.
import { createHmac } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { createAuthenticateLink } from '../../src/people/links/authenticate-link.ts'
import {
  createOneTimeLinks,
  oneTimeLinkMs,
  type OneTimeLinks,
} from '../../src/people/links/one-time-links.ts'
import type { Store } from '../../src/store/store.ts'

const key = { id: 'key', role: 'operator', tenantId: undefined, name: 'demo' } as const
let nowMs: number
let oneTime: OneTimeLinks
const tagOf = (start: string) => createHmac('sha256', 'a root key').update(start).digest()
let keys: Map<string, typeof key>
beforeEach(() => {
  nowMs = 0
  keys = new Map([[key.id, key]])
  oneTime = createOneTimeLinks(() => nowMs, tagOf)
})

async function ask(secret: string, address = '127.0.0.1'): Promise<unknown> {
  const authenticate = createAuthenticateLink({
    store: {
      apiKeys: { findAll: () => Promise.resolve(keys) },
      setupLinks: { find: () => Promise.resolve(undefined) },
    } as unknown as Store,
    tagOf,
    ...{ oneTime, perMinute: 10, replicas: () => 1, onRefused: () => undefined, clock: () => nowMs },
  })
  return authenticate(secret, { client: () => address, full: () => address })
}

const over = { code: 'ERR_LINK_OVER' }

test('it is the key that begins the session, from this machine alone', async () => {
  const secret = oneTime.make(key.id)
  expect(await ask(secret)).toMatchObject({ id: key.id, role: 'operator', link: { kind: 'one-time' } })
  expect(await ask(secret, '::1')).toBeDefined()
  await expect(ask(secret, '192.0.2.1')).rejects.toMatchObject(over)
})

test('looking spends nothing; spending does, once', async () => {
  const secret = oneTime.make(key.id)
  const { id = '' } = oneTime.find(secret) ?? {}
  for (let look = 0; look < 100; look++) await ask(secret)
  expect([oneTime.spend(id), oneTime.spend(id)]).toEqual([true, false])
  await expect(ask(secret)).rejects.toMatchObject(over)
})

test('after ten minutes, or without its key, it is over', async () => {
  const secret = oneTime.make(key.id)
  nowMs = oneTimeLinkMs - 1
  expect(await ask(secret)).toBeDefined()
  keys.clear()
  await expect(ask(secret)).rejects.toMatchObject(over)
  keys.set(key.id, key)
  nowMs = oneTimeLinkMs
  await expect(ask(secret)).rejects.toMatchObject(over)
  expect(oneTime.spend(oneTime.find(secret)?.id ?? '')).toBe(false)
})

test('another secret of the same link is none', async () => {
  const [secret, other] = [oneTime.make(key.id), oneTime.make(key.id)]
  await expect(ask(secret.slice(0, 21) + other.slice(21))).rejects.toMatchObject(over)
})
