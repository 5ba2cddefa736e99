// Rotates the keys of all tenants whose active tenant key version has format 1, a few at a time. The replicas do the work: here
// key jobs are begun, looked at, and cancelled where the KMS does not let them begin. It can be cut off and repeated.
import { isKeyholdError, KeyholdError, type Kms } from '@keyhold/core'
import { setTimeout } from 'node:timers/promises'
import type { Actor } from '../store/audits.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { ListPosition } from '../store/list-position.ts'
import type { Store } from '../store/store.ts'
import { cancelMigration } from './cancel-migration.ts'
import { noFailpoint } from './engine/failpoint.ts'
import { insertRotation } from './start-rotation.ts'

export interface RotateFirstFormatsOptions {
  actor: Actor
  /** How many tenants are rotated at the same time. */
  atOnce: number
  /** Between two looks at a key job. */
  pollMs: number
  /** For this long a key job may wait for a replica. */
  patienceMs: number
  /** Whether a replica is alive, which would go on with a key job. */
  hasReplica: () => Promise<boolean>
  onRotated: (tenantId: string) => void
  /** @param reason - a clause, such as that its key job waits, and why */
  onLeft: (tenantId: string, reason: string) => void
}

/** Answers how many tenants were rotated, and how many are left. */
export async function rotateFirstFormats(
  store: Store,
  { atOnce, onRotated, onLeft, ...options }: RotateFirstFormatsOptions,
): Promise<{ rotated: number; left: number }> {
  const count = { rotated: 0, left: 0 }
  const tenantIds = listTenants(store)
  const rotateNext = async () => {
    for (;;) {
      const { value: tenantId, done } = await tenantIds.next()
      if (done === true) return
      const outcome = await rotateTenant(store, tenantId, options)
      if (outcome === 'rotated') {
        count.rotated += 1
        onRotated(tenantId)
      } else if (outcome !== 'nothing to do') {
        count.left += 1
        onLeft(tenantId, outcome.reason)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, rotateNext))
  return count
}

const pageTenants = 500

async function* listTenants({ tenants }: Store): AsyncGenerator<string, undefined> {
  let after: ListPosition | undefined
  for (;;) {
    const page = await tenants.list({ limit: pageTenants, ...(after !== undefined && { after }) })
    for (const { id } of page) yield id
    after = page.at(-1)
    if (page.length < pageTenants) return undefined
  }
}

type WaitOptions = Pick<RotateFirstFormatsOptions, 'actor' | 'pollMs' | 'patienceMs' | 'hasReplica'>
type Outcome = 'rotated' | 'nothing to do' | { reason: string }

async function rotateTenant(store: Store, tenantId: string, options: WaitOptions): Promise<Outcome> {
  try {
    const versions = await store.tenantKeys.list(tenantId)
    const active = versions.find(({ state }) => state === 'active')
    if (active?.format !== 1) return 'nothing to do'
    // A rotation would wait until it is unlocked, and hold up a migration.
    if ((await store.guards.find(tenantId))?.lock !== undefined) return { reason: 'it is locked' }
    const job = await insertRotation(partsOf(store), tenantId, options.actor)
    return await waitForEnd(store, job, options)
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    // It was deleted meanwhile.
    return error.code === 'ERR_TENANT_NOT_FOUND' ? 'nothing to do' : { reason: reasonOf(error) }
  }
}

async function waitForEnd(
  store: Store,
  { tenantId, id }: KeyJobRow,
  { actor, pollMs, patienceMs, hasReplica }: WaitOptions,
): Promise<Outcome> {
  const startMs = performance.now()
  let cancelledFor: string | undefined
  for (;;) {
    await setTimeout(pollMs)
    const job = await store.keyJobs.find(tenantId, id)
    if (job === undefined) return 'nothing to do'
    if (job.phase === 'done') return 'rotated'
    const isForgotten = performance.now() - startMs > patienceMs
    const isTurnedRound = job.phase === 'aborting' || job.phase === 'aborted'
    // It ends by itself. Until then the tenant has a live key job, and a call that comes next would leave it as it is.
    if (job.phase === 'aborting' && !isForgotten) continue
    if (isTurnedRound) return { reason: cancelledFor ?? 'its rotation was cancelled' }
    const reason = pauseOf(job)
    if (reason === undefined && !(job.phase === 'prepare' && isForgotten)) {
      // It takes as long as it takes, if anybody does it.
      if (!isForgotten || (await hasReplica())) continue
      return { reason: 'no replica runs, and its rotation goes on when one does' }
    }
    // Whatever is behind `prepare` has changed something, and goes on by itself.
    if (job.phase !== 'prepare') return { reason: `its rotation waits: ${String(reason)}` }
    cancelledFor = reason ?? 'no replica has taken its rotation, which is cancelled'
    await cancelMigration(partsOf(store), tenantId, id, actor)
  }
}

function pauseOf({ lastError }: KeyJobRow): string | undefined {
  if (lastError === undefined) return undefined
  return 'error' in lastError
    ? reasonOf(lastError.error)
    : `${lastError.value.message} (${lastError.value.code})`
}

function reasonOf({ message, code }: Pick<KeyholdError, 'message' | 'code'>): string {
  return `${message} (${code})`
}

function partsOf(store: Store) {
  // Replicas look for key jobs that nobody leads.
  return { store, kms: noKms, failpoint: noFailpoint, enqueue: () => Promise.resolve() }
}

const refuse = () =>
  Promise.reject(new KeyholdError('ERR_KMS_DENIED', { message: 'This command asks no KMS.' }))
const noKms: Kms = { createTenantKey: refuse, inspectKey: refuse, unwrapTenantKey: refuse }
