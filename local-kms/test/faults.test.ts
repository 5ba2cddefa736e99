// Each fault hits the calls that it is aimed at, and no others.
import { setTimeout as sleep } from 'node:timers/promises'
import { EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { afterEach, expect, test } from 'vitest'
import {
  bytes,
  createKey,
  otherRegion,
  ownerAccount,
  homeRegion,
  refusal,
  startKms,
  strangerAccount,
} from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const there = kms.client({ region: otherRegion })
const key = await createKey(client)

const encrypt = (KeyId = key.keyId, abortSignal?: AbortSignal) =>
  client.send(
    new EncryptCommand({ KeyId, Plaintext: bytes('x') }),
    abortSignal === undefined ? {} : { abortSignal },
  )
const list = (from = client) => from.send(new ListKeysCommand({}))
const duration = async (call: () => Promise<unknown>) => {
  const start = performance.now()
  await call().catch(() => undefined)
  return performance.now() - start
}
const throttled = {
  name: 'ThrottlingException',
  message: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  status: 400,
}

afterEach(() => {
  kms.faults.clear()
})

test('latency delays the answer', async () => {
  kms.faults.add({ kind: 'latency', latencyMs: 150 })
  expect(await duration(list)).toBeGreaterThan(140)
  expect(await list()).toBeDefined()
})

test('throttle answers like AWS at its quota', async () => {
  kms.faults.add({ kind: 'throttle' })
  expect(await refusal(encrypt())).toStrictEqual(throttled)
})

test('error500 is a fault of the server', async () => {
  kms.faults.add({ kind: 'error500' })
  expect(await refusal(encrypt())).toMatchObject({ name: 'KMSInternalException', status: 500 })
})

test('the retries of an SDK outlast a throttle and a 500 that end', async () => {
  kms.faults.add({ kind: 'throttle', count: 1 })
  kms.faults.add({ kind: 'error500', count: 1 })
  const { $metadata } = await list(kms.client({ maxAttempts: 3 }))
  expect($metadata.attempts).toBe(3)
})

test('a hanging Region never answers, and the others do', async () => {
  kms.faults.add({ kind: 'hang', match: { region: homeRegion } })
  const outcome = await Promise.race([
    encrypt(key.keyId, AbortSignal.timeout(200)).catch((error: unknown) =>
      error instanceof Error ? error.name : '',
    ),
    sleep(2000, 'no timeout'),
  ])
  expect(outcome).toBe('AbortError')
  expect(await list(there)).toBeDefined()
})

test('a call that hangs loses its connection when the fault is removed', async () => {
  const remove = kms.faults.add({ kind: 'hang' })
  kms.resetCallCounts()
  const call = expect(list()).rejects.toThrow(/socket hang up|ECONNRESET/)
  await expect.poll(() => kms.countCalls(), { timeout: 20_000 }).toBe(1)
  remove()
  await call
  expect(await list()).toBeDefined()
})

test('a fault ends after its count, when it is removed, and when all are cleared', async () => {
  kms.faults.add({ kind: 'throttle', count: 2 })
  expect([(await refusal(list())).name, (await refusal(list())).name]).toStrictEqual(
    Array(2).fill('ThrottlingException'),
  )
  await list()
  const remove = kms.faults.add({ kind: 'throttle' })
  await refusal(list())
  remove()
  await list()
  kms.faults.add({ kind: 'throttle' })
  kms.faults.clear()
  await list()
})

test('a probability hits some of the calls', async () => {
  kms.faults.add({ kind: 'throttle', probability: 0 })
  await list()
  kms.faults.clear()
  kms.faults.add({ kind: 'throttle', probability: 0.5 })
  const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => list()))
  const hit = outcomes.filter(({ status }) => status === 'rejected').length
  // The number lies outside of 5 to 55 of 60 once in 10^11 runs.
  expect(hit).toBeGreaterThan(4)
  expect(hit).toBeLessThan(56)
})

test('a fault is aimed by operation, account and key, all of which must fit', async () => {
  const other = await createKey(client)
  const stranger = kms.client({ accessKeyId: strangerAccount })
  kms.faults.add({ kind: 'throttle', match: { operation: 'Encrypt', keyId: key.keyId } })
  expect(await refusal(encrypt(key.arn))).toStrictEqual(throttled)
  await encrypt(other.keyId)
  await list()
  kms.faults.clear()
  kms.faults.add({ kind: 'throttle', match: { keyId: other.arn } })
  expect(await refusal(encrypt(other.keyId))).toStrictEqual(throttled)
  await encrypt()
  kms.faults.clear()
  kms.faults.add({ kind: 'throttle', match: { account: ownerAccount } })
  expect(await refusal(list())).toStrictEqual(throttled)
  await list(stranger)
})

test.each([
  [{ kind: 'latency' }, 'latencyMs'],
  [{ kind: 'latency', latencyMs: -1 }, 'latencyMs'],
  [{ kind: 'hang', probability: 1.1 }, 'probability'],
  [{ kind: 'hang', count: 0 }, 'count'],
] as const)('%o is no fault', (fault, name) => {
  expect(() => kms.faults.add(fault)).toThrow(new RegExp(`^"${name}" expected`))
})

test('faults are set, listed and removed over HTTP', async () => {
  const fault = { kind: 'throttle', match: { region: homeRegion } }
  const added = await kms.control('POST', 'faults', fault)
  expect(added.status).toBe(201)
  const { id } = (await added.json()) as { id: number }
  expect(await (await kms.control('GET', 'faults')).json()).toMatchObject({ faults: [{ id, ...fault }] })
  expect(await refusal(list())).toStrictEqual(throttled)
  expect((await kms.control('DELETE', `faults/${id}`)).status).toBe(204)
  expect((await kms.control('DELETE', `faults/${id}`)).status).toBe(404)
  await list()
  await kms.control('POST', 'faults', fault)
  expect((await kms.control('DELETE', 'faults')).status).toBe(204)
  await list()
})

test.each([
  [{ kind: 'explode' }, '"kind" expected one of latency, throttle, error500, refuse, hang'],
  [
    { kind: 'hang', match: { regoin: 'x' } },
    '"regoin" expected one of operation, region, account, caller, keyId',
  ],
  [{ kind: 'latency', latencyMs: '5' }, '"latencyMs" expected a number'],
  [[], 'expected a JSON object'],
])('%j is refused over HTTP', async (body, error) => {
  const response = await kms.control('POST', 'faults', body)
  expect(response.status).toBe(400)
  expect(await response.json()).toStrictEqual({ error })
})

test('calls are read and reset over HTTP', async () => {
  await kms.control('DELETE', 'calls')
  await encrypt()
  await list()
  expect(await (await kms.control('GET', 'calls')).json()).toMatchObject({ total: 2 })
  expect(await (await kms.control('GET', `calls?operation=Encrypt&keyId=${key.keyId}`)).json()).toStrictEqual(
    {
      total: 1,
      calls: [
        {
          operation: 'Encrypt',
          region: homeRegion,
          account: ownerAccount,
          caller: `arn:aws:iam::${ownerAccount}:root`,
          keys: [key.arn],
          count: 1,
        },
      ],
    },
  )
  expect((await kms.control('GET', 'nonsense')).status).toBe(404)
})

test('closing ends at once, even while calls hang or wait', async () => {
  const closing = await startKms()
  const caller = closing.client()
  await list(caller)
  closing.faults.add({ kind: 'hang', match: { operation: 'ListKeys' } })
  closing.faults.add({ kind: 'latency', latencyMs: 60_000, match: { operation: 'CreateKey' } })
  const calls = [expect(list(caller)).rejects.toThrow(), expect(createKey(caller)).rejects.toThrow()]
  await expect.poll(() => closing.countCalls(), { timeout: 20_000 }).toBe(3)
  expect(await duration(() => closing.close())).toBeLessThan(20_000)
  await Promise.all(calls)
})
