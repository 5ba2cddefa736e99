// The routes of key jobs: migrations and rotations, the cipherkeys that they have set aside, and the actions on them.
import { limits, type KeyJob } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { oneAtATime } from '../../event-loop/one-at-a-time.ts'
import { cancelMigration } from '../../migration/cancel-migration.ts'
import { acceptFailures, retryKeyJob } from '../../migration/key-job-actions.ts'
import { getKeyJob } from '../../migration/migration-details.ts'
import { getReport } from '../../migration/report.ts'
import type { StartMigrationParts } from '../../migration/start-migration.ts'
import type { OpenRecord } from '../../store/authentic/open-record.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import type { Store } from '../../store/store.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { EventHandlers, Handlers, WatchedState } from '../server/handler.ts'
import { keyJobFailureWire, keyJobWire } from '../wire/key-job-wire.ts'

const maxVersion = 2_147_483_647

export function keyJobHandlers(
  parts: StartMigrationParts & { openRecord: OpenRecord },
): Pick<
  Handlers,
  | 'listMigrations'
  | 'getMigration'
  | 'listMigrationFailures'
  | 'getMigrationReport'
  | 'retryMigration'
  | 'acceptMigrationFailures'
  | 'cancelMigration'
> {
  const { store } = parts

  // After a change, which has answered the row.
  async function reply(job: KeyJobRow): Promise<{ status: 200; body: KeyJob }> {
    return { status: 200, body: await wireOne(store, job) }
  }

  return {
    async listMigrations({ tenantId, query }) {
      const limit = query.limit === undefined ? limits.defaultKeyJobsPerPage : Number(query.limit)
      const { migrations, hasMore } = await store.readSnapshot(async (snapshot) => {
        const jobs = await snapshot.keyJobs.list(tenantId, limit + 1, query.before)
        return { migrations: await wireAll(snapshot, jobs.slice(0, limit)), hasMore: jobs.length > limit }
      })
      const next = hasMore ? migrations.at(-1)?.id : undefined
      return { status: 200, body: { migrations, ...(next !== undefined && { next }) } }
    },

    async getMigration({ tenantId, params }) {
      const body = await store.readSnapshot(async (snapshot) =>
        wireOne(snapshot, await getKeyJob(snapshot, tenantId, params.migrationId)),
      )
      return { status: 200, body }
    },

    async listMigrationFailures({ tenantId, params, query }) {
      const limit = query.limit === undefined ? limits.defaultFailuresPerPage : Number(query.limit)
      const after = parsePosition(query.after)
      const rows = await store.readSnapshot(async (snapshot) => {
        const { id } = await getKeyJob(snapshot, tenantId, params.migrationId)
        return snapshot.keyJobFailures.list(tenantId, id, limit + 1, after)
      })
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        status: 200,
        body: {
          failures: rows.slice(0, limit).map(keyJobFailureWire),
          ...(last !== undefined && { next: `${last.dataKeyId}.${last.version}` }),
        },
      }
    },

    async getMigrationReport({ tenantId, params }) {
      const body = await getReport(store, parts.openRecord, tenantId, params.migrationId)
      return { status: 200, body }
    },

    async retryMigration(call) {
      return reply(await retryKeyJob(parts, call.tenantId, call.params.migrationId, actorOf(call)))
    },

    async acceptMigrationFailures(call) {
      const { tenantId, params, body } = call
      const asked = { keyJobId: params.migrationId, failures: body.failures }
      return reply(await acceptFailures(parts, tenantId, asked, actorOf(call)))
    },

    async cancelMigration(call) {
      return reply(await cancelMigration(parts, call.tenantId, call.params.migrationId, actorOf(call)))
    },
  }
}

/** Handlers of the event stream: the states of a key job, one after the other, until it has ended. */
export function keyJobEventHandlers({ store }: { store: Store }): Pick<EventHandlers, 'watchMigration'> {
  const busy = () => new KeyholdError('ERR_TENANT_BUSY')
  // However many streams watch them, the key jobs of a tenant are read one at a time.
  const read = oneAtATime(async (tenantId, id): Promise<WatchedState> => {
    const { job, data } = await store.readSnapshot(async (snapshot) => {
      const job = await getKeyJob(snapshot, tenantId, id)
      return { job, data: await wireOne(snapshot, job) }
    })
    // The rate alone is no change: it differs at every moment.
    const mark = JSON.stringify({ ...data, keysPerSecond: undefined, etaSeconds: undefined })
    return { data, mark, isLast: job.completedAt !== undefined }
  }, busy)
  return {
    async watchMigration({ tenantId, params }) {
      const { id } = await getKeyJob(store, tenantId, params.migrationId)
      return () => read(tenantId, id)
    },
  }
}

/** A key job as the wire shows it. */
export async function wireOne(reads: JobReads, job: KeyJobRow): Promise<KeyJob> {
  const [wire] = await wireAll(reads, [job])
  if (wire === undefined) throw new TypeError('a key job has no wire form')
  return wire
}

type JobReads = Pick<Store, 'keyJobFailures' | 'clock'>

export async function wireAll({ keyJobFailures, clock }: JobReads, jobs: KeyJobRow[]): Promise<KeyJob[]> {
  const failures = await keyJobFailures.countOfEach(
    jobs.filter(({ failed }) => failed > 0).map(({ id }) => id),
  )
  const now = clock.now()
  return jobs.map((job) => keyJobWire(job, failures.get(job.id) ?? { open: 0, accepted: 0 }, now))
}

/** @param after - in the form that the contract has checked */
function parsePosition(after: string | undefined): CipherkeyPosition | undefined {
  if (after === undefined) return undefined
  const [dataKeyId = '', version = ''] = after.split('.')
  if (Number(version) > maxVersion) {
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: "The query's member /after names no version." })
  }
  return { dataKeyId, version: Number(version) }
}
