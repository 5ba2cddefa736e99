// A key job has one leader at a time, by a lease on the database's clock; only the leader gets anything written.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { LeadLost, type LeaderParts } from '../../src/migration/engine/migration-parts.ts'
import { readFailures, refuseOtherFailures } from '../../src/migration/phases/read-failures.ts'
import type { KeyJobRow, LedKeyJob } from '../../src/store/key-jobs/key-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { insertTenant, newKeyJob, tenantId } from './stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const none = { open: 0, accepted: 0 }
const [me, you] = [randomUUID(), randomUUID()]

let postgres: TestPostgres
let database: TestStores
let store: Store
let otherStore: Store
let job: KeyJobRow
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  ;({ store, otherStore } = database)
  await insertTenant(store)
  job = await alone(store, tenantId).keyJobs.insert(newKeyJob())
})

/** The key job in the hands of a leader. */
async function lead(leaderId = me, { id } = job): Promise<LedKeyJob> {
  const led = await store.keyJobs.takeLead(id, leaderId, 10)
  if (led === undefined) throw new Error('another leads it')
  return led
}

async function timePasses(seconds: number): Promise<void> {
  const past = `interval '${seconds} s'`
  await database.query(
    `update keyhold.key_jobs set lead_expires_at = lead_expires_at - ${past}, retry_at = retry_at - ${past}`,
  )
}

test('of ten replicas that ask at once one leads', async () => {
  const leases = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? store : otherStore).keyJobs.takeLead(job.id, randomUUID(), 10),
    ),
  )
  expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1)
  expect(await store.keyJobs.listUnled()).toEqual([])
})

test('the leader renews its lease; another gets the lead when the lease has run out, and the first not back', async () => {
  expect(await store.keyJobs.takeLead(job.id, me, 10)).toMatchObject({ id: job.id, phase: 'prepare' })
  await timePasses(8)
  expect(await store.keyJobs.takeLead(job.id, me, 10)).toBeDefined()
  await timePasses(8)
  expect(await otherStore.keyJobs.takeLead(job.id, you, 10)).toBeUndefined()
  await timePasses(3)
  expect(await store.keyJobs.listUnled()).toEqual([{ id: job.id, tenantId }])
  expect(await otherStore.keyJobs.takeLead(job.id, you, 10)).toBeDefined()
  expect(await store.keyJobs.takeLead(job.id, me, 10)).toBeUndefined()
})

test('a lease that is given up is free at once, and only its holder can give it up', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  await otherStore.keyJobs.giveUpLead(job.id, you)
  expect(await otherStore.keyJobs.takeLead(job.id, you, 10)).toBeUndefined()
  await store.keyJobs.giveUpLead(job.id, me)
  expect(await otherStore.keyJobs.takeLead(job.id, you, 10)).toBeDefined()
})

test('who does not lead, or believes in another phase, changes nothing', async () => {
  const led = await lead()
  const before = await store.keyJobs.find(tenantId, job.id)
  const changes = { phase: 'copy', total: 5, copiedMore: 5, targetVersion: 2, epoch: 1 } as const
  const believing = (row: Partial<LedKeyJob['memory']['row']>) => ({
    ...led,
    memory: { row: { ...led.memory.row, ...row } },
  })
  expect(await store.keyJobs.advance(led, you, changes)).toBe(false)
  expect(await store.keyJobs.advance(believing({ phase: 'dual' }), me, changes)).toBe(false)
  expect(await store.keyJobs.advance(believing({ progress_mac: led.memory.row.mac }), me, changes)).toBe(
    false,
  )
  expect(await store.keyJobs.advance(believing({ id: randomUUID() }), me, changes)).toBe(false)
  const pause = { code: 'ERR_KMS_DENIED', message: 'no', at: new Date().toISOString() }
  await store.keyJobs.pause(job.id, you, pause, 3)
  expect(await store.keyJobs.find(tenantId, job.id)).toEqual(before)
  expect(await store.keyJobs.advance(led, me, changes)).toBe(true)
})

test('the leader saves its progress, counts add up, and the last error is forgotten', async () => {
  await lead()
  const at = '2026-01-02T03:04:05.000Z'
  await store.keyJobs.pause(job.id, me, { code: 'ERR_KMS_DENIED', message: 'no', at }, 0)
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({
    lastError: { value: { code: 'ERR_KMS_DENIED', message: 'no', at } },
  })
  const led = await lead()
  const position = { dataKeyId: randomUUID(), version: 1 }
  const begun = { phase: 'copy', targetVersion: 2, epoch: 7, total: 9 } as const
  expect(await store.keyJobs.advance(led, me, begun)).toBe(true)
  for (const copiedMore of [3, 4]) {
    const changes = { copiedTo: position, copiedMore, failedMore: 1 }
    expect(await store.keyJobs.advance(led, me, changes)).toBe(true)
  }
  const saved = await store.keyJobs.findLive(tenantId)
  expect(saved).toMatchObject({
    phase: 'copy',
    targetVersion: 2,
    epoch: 7,
    total: 9,
    copied: 7,
    failed: 2,
    copiedTo: position,
    lastError: undefined,
  })
  expect(led.current()).toEqual(saved)
  await store.keyJobs.advance(led, me, { copiedTo: null })
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({ copiedTo: undefined, copied: 7 })
  // More than there were when they were counted.
  await store.keyJobs.advance(led, me, { copiedMore: 5 })
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({ total: 14, copied: 12, failed: 2 })
})

slowTest(
  'a verification is taken up where it was, unless something is copied or the job turns round',
  async () => {
    const led = await lead()
    const now = () => store.keyJobs.find(tenantId, job.id)
    const position = { dataKeyId: randomUUID(), version: 1 }
    const verifiedTo = {
      ...{ rows: 7, after: position, end: position, digestState: '', tenantKeyVersion: 2, copied: 0 },
      savedAt: new Date().toISOString(),
    }
    const failuresDigest = Buffer.alloc(32, 1)
    for (const undo of [
      () => store.keyJobs.advance(led, me, { copiedTo: position }),
      () => store.keyJobs.advance(led, me, { copiedTo: null }),
      () => store.keyJobs.advance(led, me, { copiedMore: 1 }),
      () => store.keyJobs.advance(led, me, { copiedMore: 1, verifiedTo, failuresDigest }),
      () => store.keyJobs.advance(led, me, { verifiedTo: null, copiedMore: 1 }),
      () => alone(store, tenantId).keyJobs.startAborting(job.id),
    ]) {
      await store.keyJobs.advance(led, me, { verified: 7, verifiedTo, failuresDigest })
      await store.keyJobs.advance(led, me, { failedMore: 1 })
      expect(await now()).toMatchObject({ verified: 7, verifiedTo: { value: verifiedTo }, failuresDigest })
      await undo()
      expect(await now()).toMatchObject({ verifiedTo: undefined, failuresDigest: undefined })
    }
  },
)

slowTest('a pause gives up the lead, and nobody is offered the job before it is over', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  const error = { code: 'ERR_KMS_TIMEOUT', message: 'late', at: new Date().toISOString() }
  await store.keyJobs.pause(job.id, me, error, 30)
  expect(await store.keyJobs.listUnled()).toEqual([])
  await timePasses(31)
  expect(await store.keyJobs.listUnled()).toEqual([{ id: job.id, tenantId }])
})

test('an ended job has no leader and is not live any more', async () => {
  const led = await lead()
  await alone(store, tenantId).keyJobs.advance(led, me, { phase: 'done', now: 'completed' })
  expect(await store.keyJobs.takeLead(job.id, me, 10)).toBeUndefined()
  await timePasses(20)
  expect(await store.keyJobs.listUnled()).toEqual([])
  expect(await store.keyJobs.findLive(tenantId)).toBeUndefined()
  expect(await store.keyJobs.findLastCompleted(tenantId)).toMatchObject({
    id: job.id,
    completedAt: expect.any(Date) as Date,
  })
})

test('a superseded rotation is live no more, and is no completed migration', async () => {
  const led = await lead()
  await alone(store, tenantId).keyJobs.end(job.id)
  expect(await store.keyJobs.advance(led, me, { phase: 'dual' })).toBe(false)
  const error = { code: 'ERR_INTERNAL', message: 'late', at: new Date().toISOString() }
  expect(await store.keyJobs.pause(job.id, me, error, 30)).toBe(false)
  expect(await store.keyJobs.findLive(tenantId)).toBeUndefined()
  const rotation = await alone(store, tenantId).keyJobs.insert(newKeyJob({ kind: 'rotation' }))
  const rotating = await lead(me, rotation)
  await alone(store, tenantId).keyJobs.advance(rotating, me, { phase: 'done', now: 'completed' })
  expect(await store.keyJobs.findLastCompleted(tenantId)).toBeUndefined()
  expect(await store.keyJobs.list(tenantId, 10)).toHaveLength(2)
})

test('a key job that turns round is led no further in its old phase, and begins its way back at the beginning', async () => {
  const led = await lead()
  const position = { dataKeyId: randomUUID(), version: 1 }
  await store.keyJobs.advance(led, me, { phase: 'copy', copiedTo: position, copiedMore: 5 })
  await alone(otherStore, tenantId).keyJobs.startAborting(job.id)
  expect(await store.keyJobs.advance(led, me, { copiedMore: 1 })).toBe(false)
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({
    phase: 'aborting',
    copiedTo: undefined,
    copied: 0,
    cancelledAt: expect.any(Date) as Date,
  })
})

slowTest('pauses grow, and a pause can be ended', async () => {
  const error = { code: 'ERR_KMS_TIMEOUT', message: 'late', at: new Date().toISOString() }
  for (const retryCount of [1, 2]) {
    expect(await store.keyJobs.takeLead(job.id, me, 10)).toBeDefined()
    await store.keyJobs.pause(job.id, me, error, 30)
    expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({ retryCount })
  }
  expect(await store.keyJobs.listUnled()).toEqual([])
  await store.keyJobs.endPause(job.id)
  expect(await store.keyJobs.listUnled()).toHaveLength(1)
})

test('a key job is found by its own tenant alone', async () => {
  await insertTenant(store, 'tenant-2')
  expect(await store.keyJobs.find('tenant-2', job.id)).toBeUndefined()
  expect(await store.keyJobs.list('tenant-2', 10)).toEqual([])
})

test('a run that leads no more is told by its failures that it has lost the lead, and raises no alarm', async () => {
  const parts = { store, leaderId: me } as LeaderParts
  const led = await lead()
  expect(await readFailures(parts, led)).toMatchObject({ open: 0, accepted: 0 })
  // It counts one that is not there.
  expect(await store.keyJobs.advance(led, me, { failedMore: 1 })).toBe(true)
  const reject = vi.spyOn(store.macs, 'reject')
  await expect(readFailures(parts, led)).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  expect(reject).toHaveBeenCalledOnce()
  reject.mockClear()
  await store.keyJobs.giveUpLead(job.id, me)
  await expect(readFailures(parts, led)).rejects.toThrow(LeadLost)
  const other = await lead(you)
  await expect(readFailures(parts, led)).rejects.toThrow(LeadLost)
  await expect(
    store.transaction((transaction) =>
      refuseOtherFailures(parts, transaction, led, Buffer.alloc(32), {
        ...none,
        digest: Buffer.alloc(32, 1),
      }),
    ),
  ).rejects.toThrow(LeadLost)
  // The other one has changed them, and has given the lead back.
  await store.keyJobs.advance(other, you, { failedMore: 1 })
  await store.keyJobs.giveUpLead(job.id, you)
  await database.query(`update keyhold.key_jobs set led_by = '${me}'`)
  await expect(readFailures(parts, led)).rejects.toThrow(LeadLost)
  await alone(store, tenantId).keyJobs.end(job.id)
  await expect(readFailures(parts, led)).rejects.toThrow(LeadLost)
  await alone(store, tenantId).keyJobs.deleteAll(tenantId)
  await expect(readFailures(parts, led)).rejects.toThrow(LeadLost)
  expect(reject).not.toHaveBeenCalled()
})
