// A key job has one leader at a time, by a lease on the database's clock; only the leader gets anything written.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { KeyJobRow } from '../../src/store/key-jobs/key-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { insertTenant, newKeyJob, tenantId } from './stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'

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
  job = await store.keyJobs.insert(newKeyJob())
})

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
  await store.keyJobs.takeLead(job.id, me, 10)
  const before = await store.keyJobs.find(tenantId, job.id)
  const changes = { phase: 'copy', total: 5, copiedMore: 5, targetVersion: 2, epoch: 1 } as const
  expect(await store.keyJobs.advance(job.id, you, 'prepare', changes)).toBe(false)
  expect(await store.keyJobs.advance(job.id, me, 'dual', changes)).toBe(false)
  expect(await store.keyJobs.advance(randomUUID(), me, 'prepare', changes)).toBe(false)
  const pause = { code: 'ERR_KMS_DENIED', message: 'no', at: new Date().toISOString() }
  await store.keyJobs.pause(job.id, you, pause, 3)
  expect(await store.keyJobs.find(tenantId, job.id)).toEqual(before)
})

test('the leader saves its progress, counts add up, and the last error is forgotten', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  const at = '2026-01-02T03:04:05.000Z'
  await store.keyJobs.pause(job.id, me, { code: 'ERR_KMS_DENIED', message: 'no', at }, 0)
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({
    lastError: { value: { code: 'ERR_KMS_DENIED', message: 'no', at } },
  })
  await store.keyJobs.takeLead(job.id, me, 10)
  const position = { dataKeyId: randomUUID(), version: 1 }
  expect(
    await store.keyJobs.advance(job.id, me, 'prepare', {
      phase: 'copy',
      targetVersion: 2,
      epoch: 7,
      total: 9,
    }),
  ).toBe(true)
  for (const copiedMore of [3, 4]) {
    const changes = { copiedTo: position, copiedMore, failedMore: 1 }
    expect(await store.keyJobs.advance(job.id, me, 'copy', changes)).toBe(true)
  }
  expect(await store.keyJobs.findLive(tenantId)).toMatchObject({
    phase: 'copy',
    targetVersion: 2,
    epoch: 7,
    total: 9,
    copied: 7,
    failed: 2,
    copiedTo: position,
    lastError: undefined,
  })
  await store.keyJobs.advance(job.id, me, 'copy', { copiedTo: null })
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({ copiedTo: undefined, copied: 7 })
  // More than there were when they were counted.
  await store.keyJobs.advance(job.id, me, 'copy', { copiedMore: 5 })
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({ total: 14, copied: 12, failed: 2 })
})

test('a verification is taken up where it was, unless something is copied or the job turns round', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  const now = () => store.keyJobs.find(tenantId, job.id)
  const position = { dataKeyId: randomUUID(), version: 1 }
  const verifiedTo = {
    ...{ rows: 7, after: position, end: position, digestState: '', tenantKeyVersion: 2, copied: 0 },
    savedAt: new Date().toISOString(),
  }
  for (const undo of [
    () => store.keyJobs.advance(job.id, me, 'prepare', { copiedTo: position }),
    () => store.keyJobs.advance(job.id, me, 'prepare', { copiedTo: null }),
    () => store.keyJobs.advance(job.id, me, 'prepare', { copiedMore: 1 }),
    () => store.keyJobs.advance(job.id, me, 'prepare', { copiedMore: 1, verifiedTo }),
    () => store.keyJobs.advance(job.id, me, 'prepare', { verifiedTo: null }),
    () => store.keyJobs.startAborting(job.id),
  ]) {
    await store.keyJobs.advance(job.id, me, 'prepare', { verified: 7, verifiedTo })
    await store.keyJobs.advance(job.id, me, 'prepare', { failedMore: 1 })
    expect(await now()).toMatchObject({ verified: 7, verifiedTo: { value: verifiedTo } })
    await undo()
    expect(await now()).toMatchObject({ verifiedTo: undefined })
  }
})

test('a pause gives up the lead, and nobody is offered the job before it is over', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  const error = { code: 'ERR_KMS_TIMEOUT', message: 'late', at: new Date().toISOString() }
  await store.keyJobs.pause(job.id, me, error, 30)
  expect(await store.keyJobs.listUnled()).toEqual([])
  await timePasses(31)
  expect(await store.keyJobs.listUnled()).toEqual([{ id: job.id, tenantId }])
})

test('an ended job has no leader and is not live any more', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  await store.keyJobs.advance(job.id, me, 'prepare', { phase: 'done', now: 'completed' })
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
  await store.keyJobs.takeLead(job.id, me, 10)
  await store.keyJobs.end(job.id)
  expect(await store.keyJobs.advance(job.id, me, 'prepare', { phase: 'dual' })).toBe(false)
  const error = { code: 'ERR_INTERNAL', message: 'late', at: new Date().toISOString() }
  expect(await store.keyJobs.pause(job.id, me, error, 30)).toBe(false)
  expect(await store.keyJobs.findLive(tenantId)).toBeUndefined()
  const rotation = await store.keyJobs.insert(newKeyJob({ kind: 'rotation' }))
  await store.keyJobs.takeLead(rotation.id, me, 10)
  await store.keyJobs.advance(rotation.id, me, 'prepare', { phase: 'done', now: 'completed' })
  expect(await store.keyJobs.findLastCompleted(tenantId)).toBeUndefined()
  expect(await store.keyJobs.list(tenantId, 10)).toHaveLength(2)
})

test('a key job that turns round is led no further in its old phase, and begins its way back at the beginning', async () => {
  await store.keyJobs.takeLead(job.id, me, 10)
  const position = { dataKeyId: randomUUID(), version: 1 }
  await store.keyJobs.advance(job.id, me, 'prepare', { phase: 'copy', copiedTo: position, copiedMore: 5 })
  await otherStore.keyJobs.startAborting(job.id)
  expect(await store.keyJobs.advance(job.id, me, 'copy', { copiedMore: 1 })).toBe(false)
  expect(await store.keyJobs.find(tenantId, job.id)).toMatchObject({
    phase: 'aborting',
    copiedTo: undefined,
    copied: 0,
    cancelledAt: expect.any(Date) as Date,
  })
})

test('pauses grow, and a pause can be ended', async () => {
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
