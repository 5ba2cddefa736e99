// A Region that is down is down for all calls, in the way that was asked for, and comes back; one slow key is slow alone.
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { afterAll, afterEach, expect, test } from 'vitest'
import { bytes, createKey, OTHER_REGION, OWNER, REGION, startKms } from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const there = kms.client({ region: OTHER_REGION })
const sts = new STSClient({
  endpoint: kms.url,
  region: REGION,
  credentials: { accessKeyId: OWNER, secretAccessKey: 'test' },
  maxAttempts: 1,
})
afterAll(() => {
  sts.destroy()
})
afterEach(() => {
  for (const { region } of kms.regions.list()) kms.regions.bringBack(region)
})

// Long enough for an answer on a busy machine.
const waitMs = 1_000

const list = (from = client) =>
  from.send(new ListKeysCommand({}), { abortSignal: AbortSignal.timeout(waitMs) }).then(
    () => 'answered',
    (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
  )

test.each([
  ['refused', /^(Error|TimeoutError)$/],
  ['hanging', /^AbortError$/],
  ['failing', /^KMSInternalException$/],
] as const)('a Region that is %s, and its return', async (outage, name) => {
  kms.regions.takeDown(REGION, outage)
  expect(kms.regions.list()).toEqual([{ region: REGION, outage }])
  expect(await list()).toMatch(name)
  expect(await list(there)).toBe('answered')
  const identity = sts.send(new GetCallerIdentityCommand({}), { abortSignal: AbortSignal.timeout(waitMs) })
  await expect(identity).rejects.toThrow()
  expect(kms.regions.bringBack(REGION)).toBe(true)
  expect(kms.regions.bringBack(REGION)).toBe(false)
  expect(await list()).toBe('answered')
})

test('another outage takes the place of the first', async () => {
  kms.regions.takeDown(REGION, 'hanging')
  kms.regions.takeDown(REGION, 'failing')
  expect(await list()).toBe('KMSInternalException')
  kms.regions.bringBack(REGION)
  expect(await list()).toBe('answered')
})

test('one key that hangs leaves the others alone', async () => {
  const [slow, fast] = [await createKey(client), await createKey(client)]
  const remove = kms.faults.add({ kind: 'hang', match: { keyId: slow.keyId } })
  const encrypt = (KeyId: string) =>
    client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x') }), {
      abortSignal: AbortSignal.timeout(waitMs),
    })
  await expect(encrypt(slow.keyId)).rejects.toMatchObject({ name: 'AbortError' })
  expect((await encrypt(fast.keyId)).KeyId).toBe(fast.arn)
  remove()
})

test('calls are counted by key, Region, caller and action', async () => {
  const { keyId, arn } = await createKey(client)
  kms.resetCallCounts()
  await client.send(new EncryptCommand({ KeyId: keyId, Plaintext: bytes('x') }))
  const caller = `arn:aws:iam::${OWNER}:root`
  const all = { operation: 'Encrypt', region: REGION, caller, keyId: arn }
  expect(kms.countCalls(all)).toBe(1)
  for (const other of [
    { operation: 'Decrypt' },
    { region: OTHER_REGION },
    { caller: 'arn:aws:iam::444455556666:root' },
    { keyId: 'x' },
  ]) {
    expect(kms.countCalls({ ...all, ...other })).toBe(0)
  }
})

const control = (method: string, path: string, body?: unknown) =>
  fetch(`${kms.url}/_local-kms/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('a Region is taken down and back over HTTP', async () => {
  expect((await control('PUT', `regions/${REGION}`, { outage: 'failing' })).status).toBe(201)
  expect(await (await control('GET', 'regions')).json()).toEqual({
    down: [{ region: REGION, outage: 'failing' }],
  })
  expect(await list()).toBe('KMSInternalException')
  expect((await control('DELETE', `regions/${REGION}`)).status).toBe(204)
  expect((await control('DELETE', `regions/${REGION}`)).status).toBe(404)
  expect(await list()).toBe('answered')
})

test.each([
  [`regions/${REGION}`, { outage: 'asleep' }, '"outage" expected one of refused, hanging, failing'],
  ['regions/moon', { outage: 'failing' }, 'expected a Region, got moon'],
])('%s with %j is refused', async (path, body, error) => {
  const answer = await control('PUT', path, body)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ error })
})
