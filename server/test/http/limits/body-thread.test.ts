// The thread for long bodies: whoever leaves, fails or waits keeps nobody else from it.
import { generateKey, KeyholdError, type DataKey } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { afterAll, expect, test } from 'vitest'
import type { KeysByName, RequestKeys } from '../../../src/data/request-keys.ts'
import type { BodyOrder } from '../../../src/http/long-bodies/body-messages.ts'
import { createLongBodies } from '../../../src/http/long-bodies/create-long-bodies.ts'
import { startBodyThread } from '../../../src/http/long-bodies/start-body-thread.ts'
import { listAt } from '../read-body.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

const dataKey: DataKey = { tenantId: 'tenant-1', id: randomUUID(), version: 1, key: generateKey() }

function keysOf(actives: RequestKeys['actives']): RequestKeys {
  const no = () => expect.fail('nobody asks for it')
  return { actives, named: no, keyNames: no }
}

const good = keysOf((names) => new Map(Array.from(names, (name) => [name, dataKey])))

function order(keyName = 'default'): BodyOrder {
  const text = JSON.stringify({ items: [{ plaintext: 'aGk=', keyName }] })
  return { routeId: 'encrypt', bytes: Buffer.from(text) }
}

const itemsOf = ({ bytes }: { bytes: Uint8Array }) =>
  listAt(JSON.parse(Buffer.from(bytes).toString()) as unknown, 'items')

function client(share: string) {
  const answer = Object.assign(new EventEmitter(), { closed: false })
  return { share, answer }
}

/** Keys that are not found before `find` is called. */
function heldKeys() {
  const asked = Promise.withResolvers<undefined>()
  const found = Promise.withResolvers<KeysByName>()
  const keys = keysOf((names) => {
    asked.resolve(undefined)
    return found.promise.then(() => good.actives(names))
  })
  const find = () => {
    found.resolve(new Map())
  }
  return { keys, asked: asked.promise, find }
}

const thread = startBodyThread()
const longBodies = createLongBodies()
afterAll(() => Promise.all([thread.end(), longBodies.close()]))
const stays = () => new AbortController().signal

test('keys and their faults come to the items, the fault of a tenant to the request', async () => {
  const quota = new KeyholdError('ERR_KEY_NAME_QUOTA', { message: 'so many' })
  const answered = await thread.answer(
    order(),
    keysOf((names) => new Map(Array.from(names, (name) => [name, quota]))),
    stays(),
  )
  expect(itemsOf(answered)).toMatchObject([{ error: { code: 'ERR_KEY_NAME_QUOTA', detail: 'so many' } }])
  expect(answered).toMatchObject({ ok: 0, failed: 1 })

  const denied = new KeyholdError('ERR_KMS_DENIED')
  const refusing = keysOf(() => Promise.reject(denied))
  await expect(thread.answer(order(), refusing, stays())).rejects.toBe(denied)
  expect(thread.isIdle()).toBe(true)
})

test('what cannot be sent to the thread fails its body alone', async () => {
  const broken = keysOf(() => new Map([['default', (() => 1) as unknown as DataKey]]))
  await expect(thread.answer(order(), broken, stays())).rejects.toThrow('could not be cloned')
  expect(thread.isIdle()).toBe(true)
  expect(await thread.answer(order(), good, stays())).toMatchObject({ ok: 1 })
})

test.each(['while its keys are found', 'before the thread asks for them'])(
  'a client that leaves %s is waited for by nobody',
  async (moment) => {
    const { keys, asked, find } = heldKeys()
    const left = new AbortController()
    const answered = thread.answer(order(), keys, left.signal)
    const refused = expect(answered).rejects.toMatchObject({ code: 'ERR_INVALID_REQUEST' })
    if (moment.startsWith('while')) await asked
    left.abort()
    find()
    await refused
    expect(thread.isIdle()).toBe(true)
    expect(await thread.answer(order(), good, stays())).toMatchObject({ ok: 1 })
  },
)

test('bodies of a tenant that wait for keys leave room for others, and go on when keys are there', async () => {
  const { keys, asked, find } = heldKeys()
  const waiting = Array.from({ length: 6 }, () => longBodies.answer(order(), keys, client('a')))
  await asked
  expect(await longBodies.answer(order(), good, client('b'))).toMatchObject({ ok: 1 })
  // The fifth of the tenant is not in the thread yet, and its client leaves.
  const leaving = client('a')
  const refused = expect(longBodies.answer(order(), good, leaving)).rejects.toMatchObject({
    code: 'ERR_TENANT_BUSY',
  })
  leaving.answer.emit('close')
  await refused
  find()
  expect(await Promise.all(waiting)).toHaveLength(6)
})

slowTest('a client that has left before is not served', async () => {
  const gone = client('a')
  gone.answer.closed = true
  await expect(longBodies.answer(order(), good, gone)).rejects.toMatchObject({ code: 'ERR_INVALID_REQUEST' })
})

test('a thread that ends loses what it works on, and nothing waits for ever', async () => {
  const ending = startBodyThread()
  const { keys, asked, find } = heldKeys()
  const answered = ending.answer(order(), keys, stays())
  const lost = expect(answered).rejects.toThrow('has ended')
  await asked
  await ending.end()
  find()
  await lost
  expect(ending.hasEnded()).toBe(true)
  await expect(ending.answer(order(), good, stays())).rejects.toThrow('has ended')
})

test('after closing there is no more work', async () => {
  const closed = createLongBodies()
  await closed.close()
  await expect(closed.answer(order(), good, client('a'))).rejects.toMatchObject({ code: 'ERR_SERVER_BUSY' })
})
