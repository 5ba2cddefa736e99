// From wherever a tenant is: with all KEKs dead but the one that its key job brings everything to, the key job ends as soon
// as somebody accepts what does not open. When the KEKs come back, nothing is lost.
import { expect } from 'vitest'
import { acceptFailures } from '../../src/migration/key-job-actions.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { KeyJobRow } from '../../src/store/key-jobs/key-jobs.ts'
import { keks, type Model } from './model.ts'
import { kekOf } from './revocable-kms.ts'
import type { TenantUnderTest } from './tenant-under-test.ts'

const dead = 'ERR_KMS_KEY_NOT_FOUND'
const maxRounds = 5

export async function checkNoWedge(model: Model, tenant: TenantUnderTest): Promise<void> {
  const { store, tenantId, kms } = tenant
  tenant.restart()
  tenant.step()
  const live = await store.keyJobs.findLive(tenantId)
  const destination = live === undefined ? model.current : kekOf(destinationOf(live))
  for (const kek of keks) kms.close(kek, kek === destination ? undefined : dead)

  for (let round = 0; round < maxRounds && (await tenant.findLiveJob()) !== undefined; round++) {
    await tenant.letJobsRun()
    await acceptOpen(tenant)
    tenant.step()
  }
  expect(await tenant.findLiveJob(), 'a key job that is stuck').toBeUndefined()

  for (const kek of keks) kms.close(kek, undefined)
  tenant.restart()
  await startRotation(tenant.replica.start, tenantId, systemActor)
  await tenant.letJobsRun()
  const [last] = await store.keyJobs.list(tenantId, 1)
  expect(last).toMatchObject({ kind: 'rotation', phase: 'done', copied: last?.total, failed: 0 })
  expect(await store.surveys.findNeeded(tenantId, [last?.targetVersion ?? 0])).toHaveLength(
    model.names.size === 0 ? 0 : 1,
  )
  const kept = (await store.tenantKeys.list(tenantId)).filter(({ state }) => state !== 'destroyed')
  if (tenant.settings.backupRetentionDays === 0) expect(kept).toMatchObject([{ state: 'active' }])
  for (const { token, plaintext } of model.values) expect(await tenant.decrypt(token)).toBe(plaintext)
}

function destinationOf({ phase, sourceKeyArn, targetKeyArn }: KeyJobRow): string {
  return phase === 'aborting' ? sourceKeyArn : targetKeyArn
}

async function acceptOpen({ store, replica, tenantId }: TenantUnderTest): Promise<void> {
  const live = await store.keyJobs.findLive(tenantId)
  if (live === undefined) return
  const listed = await store.keyJobFailures.list(tenantId, live.id, 100)
  const failures = listed.filter(({ acceptedAt }) => acceptedAt === undefined)
  if (failures.length > 0)
    await acceptFailures(replica.start, tenantId, { keyJobId: live.id, failures }, systemActor)
}
