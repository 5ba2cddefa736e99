// A Region that is down is down for all its calls, in the way that the test chose, until it is brought back. A slow key
// leaves the other keys alone.
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { afterEach, expect, test } from 'vitest'
import { bytes, createKey, otherRegion, ownerAccount, homeRegion, startKms } from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const there = kms.client({ region: otherRegion })
const sts = kms.stsClient()
afterEach(() => {
  for (const { region } of kms.regions.list()) kms.regions.bringBack(region)
})

// A call that hangs is given up soon, any other one only long after a busy machine would have answered it.
const hangingMs = 1_000
const answeredMs = 30_000

const list = (from = client, limitMs = answeredMs) =>
  from.send(new ListKeysCommand({}), { abortSignal: AbortSignal.timeout(limitMs) }).then(
    () => 'answered',
    (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
  )

test.each([
  ['refused', /^(Error|TimeoutError)$/, answeredMs],
  ['hanging', /^AbortError$/, hangingMs],
  ['failing', /^KMSInternalException$/, answeredMs],
] as const)('a Region is %s for all calls, and comes back', async (outage, name, limitMs) => {
  kms.regions.takeDown(homeRegion, outage)
  expect(kms.regions.list()).toEqual([{ region: homeRegion, outage }])
  expect(await list(client, limitMs)).toMatch(name)
  expect(await list(there)).toBe('answered')
  const identity = sts.send(new GetCallerIdentityCommand({}), { abortSignal: AbortSignal.timeout(limitMs) })
  await expect(identity).rejects.toThrow()
  expect(kms.regions.bringBack(homeRegion)).toBe(true)
  expect(kms.regions.bringBack(homeRegion)).toBe(false)
  expect(await list()).toBe('answered')
})

test('a second outage replaces the first', async () => {
  kms.regions.takeDown(homeRegion, 'hanging')
  kms.regions.takeDown(homeRegion, 'failing')
  expect(await list()).toBe('KMSInternalException')
  kms.regions.bringBack(homeRegion)
  expect(await list()).toBe('answered')
})

test('one key that hangs leaves the others alone', async () => {
  const [slow, fast] = [await createKey(client), await createKey(client)]
  const remove = kms.faults.add({ kind: 'hang', match: { keyId: slow.keyId } })
  const encrypt = (KeyId: string, limitMs: number) =>
    client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x') }), {
      abortSignal: AbortSignal.timeout(limitMs),
    })
  await expect(encrypt(slow.keyId, hangingMs)).rejects.toMatchObject({ name: 'AbortError' })
  expect((await encrypt(fast.keyId, answeredMs)).KeyId).toBe(fast.arn)
  remove()
})

test('calls are counted by key, Region, caller and action', async () => {
  const { keyId, arn } = await createKey(client)
  kms.resetCallCounts()
  await client.send(new EncryptCommand({ KeyId: keyId, Plaintext: bytes('x') }))
  const caller = `arn:aws:iam::${ownerAccount}:root`
  const all = { operation: 'Encrypt', region: homeRegion, caller, keyId: arn }
  expect(kms.countCalls(all)).toBe(1)
  for (const other of [
    { operation: 'Decrypt' },
    { region: otherRegion },
    { caller: 'arn:aws:iam::444455556666:root' },
    { keyId: 'x' },
  ]) {
    expect(kms.countCalls({ ...all, ...other })).toBe(0)
  }
})

test('a Region is taken down and back over HTTP', async () => {
  expect((await kms.control('PUT', `regions/${homeRegion}`, { outage: 'failing' })).status).toBe(201)
  expect(await (await kms.control('GET', 'regions')).json()).toEqual({
    down: [{ region: homeRegion, outage: 'failing' }],
  })
  expect(await list()).toBe('KMSInternalException')
  expect((await kms.control('DELETE', `regions/${homeRegion}`)).status).toBe(204)
  expect((await kms.control('DELETE', `regions/${homeRegion}`)).status).toBe(404)
  expect(await list()).toBe('answered')
})

test.each([
  [`regions/${homeRegion}`, { outage: 'asleep' }, '"outage" expected one of refused, hanging, failing'],
  ['regions/moon', { outage: 'failing' }, 'expected a Region, got moon'],
])('%s with %j is refused', async (path, body, error) => {
  const answer = await kms.control('PUT', path, body)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ error })
})
