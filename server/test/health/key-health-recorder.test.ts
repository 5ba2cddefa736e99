// What the recorder keeps of a call that failed in several regions.
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
  const keyHealth = {
    lock: () => Promise.resolve(true),
    list: () => Promise.resolve([...rows.values()]),
    save: (row: KeyHealthRow) => Promise.resolve(rows.set(row.region, row)),
    hastenProbe: () => Promise.resolve(true),
  }
  const transaction = (work: (parts: unknown) => Promise<unknown>) =>
    work({ keyHealth, audit: () => undefined })
  let nowMs = 0
  const recorder = createKeyHealthRecorder({
    store: { keyHealth, transaction } as unknown as Store,
    onTransition: () => undefined,
    onError: (error) => {
      throw error
    },
    clock: () => (nowMs += 2_000),
  })
  return { recorder, shown: () => keyHealthOf(keyArn, [...rows.values()]) }
}

test('a region that stood in, and does not any more, is not shown to stand in', async () => {
  const { recorder, shown } = startRecorder()
  const outage = 'ERR_KMS_UNREACHABLE'
  recorder.answered({ ...key, region: 'eu-west-3', outage })
  await expect.poll(() => shown()?.state).toBe('degraded')

  await recorder.failed(key, new KeyholdError(outage, { details: { standIns: 'eu-west-3 ERR_KMS_DENIED' } }))
  await expect.poll(() => shown()?.state).toBe('unreachable')
  expect(shown()?.regions).toMatchObject([
    { region: 'eu-west-1', state: 'unreachable' },
    { region: 'eu-west-3', state: 'denied' },
  ])
})
