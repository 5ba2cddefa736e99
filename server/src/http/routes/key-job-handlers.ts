// The routes of key jobs: migrations and rotations, the cipherkeys that they have set aside, and the actions on them.
import { limits, type KeyJob } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { cancelMigration } from '../../migration/cancel-migration.ts'
import { acceptFailures, retryKeyJob } from '../../migration/key-job-actions.ts'
import { getKeyJob } from '../../migration/migration-details.ts'
import type { StartMigrationParts } from '../../migration/start-migration.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import type { Store } from '../../store/store.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { EventHandlers, Handlers } from '../server/handler.ts'
import { keyJobFailureWire, keyJobWire } from '../wire/key-job-wire.ts'
import { payloadOfJws } from '../wire/payload-of-jws.ts'

const maxVersion = 2_147_483_647

export function keyJobHandlers(
  parts: StartMigrationParts,
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

  async function reply(job: KeyJobRow): Promise<{ status: 200; body: KeyJob }> {
    const [body] = await wireAll(store, [job])
    if (body === undefined) throw new TypeError('a key job has no wire form')
    return { status: 200, body }
  }

  return {
    async listMigrations({ tenantId, query }) {
      const limit = query.limit === undefined ? limits.defaultKeyJobsPerPage : Number(query.limit)
      const jobs = await store.keyJobs.list(tenantId, limit + 1, query.before)
      const migrations = await wireAll(store, jobs.slice(0, limit))
      const next = jobs.length > limit ? migrations.at(-1)?.id : undefined
      return { status: 200, body: { migrations, ...(next !== undefined && { next }) } }
    },

    async getMigration({ tenantId, params }) {
      return reply(await getKeyJob(store, tenantId, params.migrationId))
    },

    async listMigrationFailures({ tenantId, params, query }) {
      const { id } = await getKeyJob(store, tenantId, params.migrationId)
      const limit = query.limit === undefined ? limits.defaultFailuresPerPage : Number(query.limit)
      const rows = await store.keyJobFailures.list(tenantId, id, limit + 1, parsePosition(query.after))
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
      const { id } = await getKeyJob(store, tenantId, params.migrationId)
      const jws = await store.keyJobReports.find(tenantId, id)
      if (jws === undefined) throw new KeyholdError('ERR_MIGRATION_REPORT_NOT_FOUND')
      return { status: 200, body: { jws, report: payloadOfJws(jws) } }
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
export function keyJobEventHandlers({ store }: { store: Store }): EventHandlers {
  return {
    async watchMigration({ tenantId, params }) {
      const { id } = await getKeyJob(store, tenantId, params.migrationId)
      return async () => {
        const job = await getKeyJob(store, tenantId, id)
        const [data] = await wireAll(store, [job])
        // The rate alone is no change: it differs at every moment.
        const mark = JSON.stringify({ ...data, keysPerSecond: undefined })
        return { data, mark, isLast: job.completedAt !== undefined }
      }
    },
  }
}

async function wireAll(store: Store, jobs: KeyJobRow[]): Promise<KeyJob[]> {
  const accepted = await store.keyJobFailures.countAccepted(
    jobs.filter(({ failed }) => failed > 0).map(({ id }) => id),
  )
  const now = new Date()
  return jobs.map((job) => keyJobWire(job, accepted.get(job.id) ?? 0, now))
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
