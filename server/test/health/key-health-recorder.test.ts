// The recorder keeps the right answer of a call that failed in several regions.
import { KeyholdError } from '@keyhold/core'
import { expect, test } from 'vitest'
import { createKeyHealthRecorder } from '../../src/health/key-health-recorder.ts'
import { keyHealthOf } from '../../src/health/key-health.ts'
import type { KeyHealthRow } from '../../src/store/key-health.ts'
import type { Store } from '../../src/store/store.ts'

const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-0123456789abcdef0123456789abcdef'
const key = { keyArn, tenantId: 'tenant-1' }

/** The queries that the recorder uses, over rows in memory. */
function startRecorder() {
  const rows = new Map<string, KeyHealthRow>()
  let writes = 0
  let gate = Promise.resolve()
  const keyHealth = {
    lock: () => Promise.resolve(true),
    list: () => Promise.resolve([...rows.values()]),
    save: async (row: KeyHealthRow) => {
      writes += 1
      await gate
      rows.set(row.region, row)
    },
  }
  const keyProbes = { hasten: () => Promise.resolve(true) }
  const transaction = (work: (parts: unknown) => Promise<unknown>) =>
    work({ keyHealth, audit: () => undefined, clock: { now: () => new Date(now.ms) } })
  const now = { ms: 0 }
  const recorder = createKeyHealthRecorder({
    store: { keyHealth, keyProbes, transaction } as unknown as Store,
    onTransition: () => undefined,
    onError: (error) => {
      throw error
    },
    clock: () => now.ms,
    writeMs: 1_000,
    probeSeconds: 2,
  })
  /** From now on writings wait until the answer to this is called. */
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    gate = promise.then(() => undefined)
    return () => {
      gate = Promise.resolve()
      resolve(undefined)
    }
  }
  return { recorder, now, hold, writes: () => writes, shown: () => keyHealthOf(keyArn, [...rows.values()]) }
}

test('a region that stood in, and does not any more, is not shown to stand in', async () => {
  const { recorder, now, shown } = startRecorder()
  const outage = 'ERR_KMS_UNREACHABLE'
  recorder.answered({ ...key, region: 'eu-west-1', outage: undefined })
  await expect.poll(() => shown()?.state).toBe('healthy')
  for (let answers = 0; answers < 2; answers++) {
    now.ms += 2_000
    recorder.answered({ ...key, region: 'eu-west-3', outage })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => shown()?.state).toBe('degraded')

  await recorder.failed(
    key,
    new KeyholdError(outage, { standIns: [{ region: 'eu-west-3', code: 'ERR_KMS_DENIED' }] }),
  )
  await expect.poll(() => shown()?.state).toBe('unreachable')
  expect(shown()?.regions).toMatchObject([
    { region: 'eu-west-1', state: 'unreachable' },
    { region: 'eu-west-3', state: 'denied' },
  ])
})

test('an outage is not the first that is known of a key: another region would stand in for one that was denied', async () => {
  const { recorder, writes, shown } = startRecorder()
  await recorder.probed(key, 'eu-west-1', {
    state: 'unreachable',
    code: 'ERR_KMS_UNREACHABLE',
    action: undefined,
  })
  expect([shown(), writes()]).toEqual([undefined, 0])
})

test('an outage is shown when traffic meets it twice, a second apart; more of the same is not written for a minute', async () => {
  const { recorder, now, writes, shown } = startRecorder()
  const fail = async () => {
    await recorder.failed(key, new KeyholdError('ERR_KMS_FAILED'))
    await new Promise((resolve) => setImmediate(resolve))
  }
  recorder.answered({ ...key, region: 'eu-west-1', outage: undefined })
  await expect.poll(() => shown()?.state).toBe('healthy')
  now.ms += 60_000
  await fail()
  await fail()
  expect([shown()?.state, writes()]).toEqual(['healthy', 2])
  now.ms += 1_000
  await fail()
  expect([shown()?.state, writes()]).toEqual(['unreachable', 3])
  now.ms += 59_000
  await fail()
  expect(writes()).toBe(3)
})

test('a request that is refused while a probe writes down the same is answered when that is written', async () => {
  const { recorder, hold, shown, writes } = startRecorder()
  const release = hold()
  const code = 'ERR_KMS_KEY_DISABLED'
  const probed = recorder.probed(key, 'eu-west-1', { state: 'disabled', code, action: undefined })
  const shownWhenAnswered = recorder.failed(key, new KeyholdError(code)).then(() => shown()?.state)
  await new Promise((resolve) => setImmediate(resolve))
  release()
  await probed
  expect(await shownWhenAnswered).toBe('disabled')
  expect(writes()).toBe(1)
})

test("a refusal is written at once also where a fault of Keyhold's own was shown as the same state", async () => {
  const { recorder, shown, writes } = startRecorder()
  await recorder.failed(key, new KeyholdError('ERR_KMS_CREDENTIALS'))
  await expect.poll(() => shown()?.state).toBe('misconfigured')
  await recorder.failed(key, new KeyholdError('ERR_KMS_KEY_PENDING_IMPORT'))
  expect(shown()?.cause).toContain('no key material')
  await recorder.failed(key, new KeyholdError('ERR_KMS_CREDENTIALS'))
  await new Promise((resolve) => setImmediate(resolve))
  expect([shown()?.state, writes()]).toEqual(['misconfigured', 2])
  expect(shown()?.cause).toContain('no key material')
})

test('how long ago traffic was answered is known until it is refused or fails', async () => {
  const { recorder, now } = startRecorder()
  expect(recorder.answeredAgeMs(key, 'eu-west-1')).toBeUndefined()
  recorder.answered({ ...key, region: 'eu-west-1', outage: undefined })
  now.ms += 40_000
  expect(recorder.answeredAgeMs(key, 'eu-west-1')).toBe(40_000)
  expect(recorder.answeredAgeMs(key, 'eu-west-3')).toBeUndefined()
  expect(recorder.answeredAgeMs({ ...key, tenantId: 'tenant-2' }, 'eu-west-1')).toBeUndefined()
  await recorder.failed(key, new KeyholdError('ERR_KMS_FAILED'))
  expect(recorder.answeredAgeMs(key, 'eu-west-1')).toBeUndefined()
})
