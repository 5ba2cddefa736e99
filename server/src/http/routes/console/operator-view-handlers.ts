// The installation as a whole, for its operator: its replicas, and the key jobs of all tenants.
import { limits } from '@keyhold/contract'
import type { Store } from '../../../store/store.ts'
import type { Handlers } from '../../server/handler.ts'
import { wireAll } from '../key-job-handlers.ts'

export interface OperatorViewParts {
  store: Store
  /** A replica without a sign of life for this long is gone. */
  replicaGoneMs: number
}

export function operatorViewHandlers({
  store,
  replicaGoneMs,
}: OperatorViewParts): Pick<Handlers, 'listReplicas' | 'listLiveMigrations'> {
  return {
    async listReplicas() {
      const rows = await store.replicas.listAll(replicaGoneMs)
      const replicas = rows.map(({ id, isLive, startedAt, seenAt, facts }) => ({
        ...{ id, live: isLive, startedAt: startedAt.toISOString(), seenAt: seenAt.toISOString() },
        ...facts,
      }))
      return { status: 200, body: { replicas } }
    },

    async listLiveMigrations({ query }) {
      const limit = query.limit === undefined ? limits.defaultKeyJobsPerPage : Number(query.limit)
      const { migrations, hasMore } = await store.readSnapshot(async (snapshot) => {
        const jobs = await snapshot.keyJobs.listLive(limit + 1, query.before)
        return { migrations: await wireAll(snapshot, jobs.slice(0, limit)), hasMore: jobs.length > limit }
      })
      const next = hasMore ? migrations.at(-1)?.id : undefined
      return { status: 200, body: { migrations, ...(next !== undefined && { next }) } }
    },
  }
}
