// Replicas do the rotations. Where none is left, the command does not wait for them.
import { expect, test } from 'vitest'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { openTestPostgres } from '../../../testkit/src/database/test-database.ts'
import { rotateFirstFormats } from '../../src/migration/rotate-first-formats.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import { TenantUnderTest } from '../model/tenant-under-test.ts'

test('a rotation that is underway is waited for as long as a replica is alive', async ({
  onTestFinished,
}) => {
  const postgres = await openTestPostgres()
  onTestFinished(() => postgres.stop())
  const database = await postgres.createStores()
  const options = { ttlMs: 0, backupRetentionDays: 30 }
  const { tenantId } = await new TenantUnderTest(database.db, database.store, options).create()
  await changeSigned(database.connection, 'update keyhold.tenant_keys set format = null')
  let looks = 0
  const find: Store['keyJobs']['find'] = async (...of) => {
    looks++
    const job = await database.store.keyJobs.find(...of)
    return job && { ...job, phase: 'copy' }
  }
  const left: string[] = []
  const count = await rotateFirstFormats(
    { ...database.store, keyJobs: { ...database.store.keyJobs, find } },
    {
      ...{ actor: systemActor, atOnce: 1, pollMs: 1, patienceMs: -1 },
      hasReplica: () => Promise.resolve(looks < 3),
      onRotated: () => expect.fail(),
      onLeft: (of, reason) => left.push(`${of}: ${reason}`),
    },
  )
  expect(count).toEqual({ rotated: 0, left: 1 })
  expect(looks).toBe(3)
  expect(left).toEqual([`${tenantId}: no replica runs, and its rotation goes on when one does`])
})
