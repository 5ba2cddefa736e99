// The job queue, in the same database: it decides when and on which replica a job runs, and knows no rules. A job may run
// twice at once, and the functions that it calls allow for that.
import type { Socket } from 'node:net'
import { fromKysely, PgBoss } from 'pg-boss'
import { applicationName } from '../driver/application-name.ts'
import { pinnedConfig } from '../driver/pinned-client.ts'
import type { Database, DatabaseConnection } from '../store/database.ts'
import type { TransactionStore } from '../store/store.ts'

const schema = 'keyhold_jobs'
const queue = 'key-jobs'
const pollSeconds = 1
const stopMs = 5_000
const maxConnections = 4
// A silent database must not hold up its callers for ever.
const queryTimeoutMs = 35_000
// After this time the queue counts a job as lost. The key job itself goes on under its own lead.
const expireSeconds = 82_800
const concurrentJobs = 4

export interface JobQueueOptions {
  connection: DatabaseConnection
  /** Makes the sockets of connections; the driver's own by default. */
  stream?: () => Socket
  /** Receives errors that the queue survives. */
  onError: (error: unknown) => void
}

export interface JobHandlers {
  /** Leads a key job until it ends, pauses or gives way. Answers whether to lead it again, after the others. */
  runKeyJob: (keyJobId: string) => Promise<boolean>
}

export interface JobQueue {
  /** Creates the queue's own schema. Call it during schema migrations, under their lock. */
  createSchema(): Promise<void>
  work(handlers: JobHandlers): Promise<void>
  /** Puts a key job into the queue, unless it waits there already. */
  ensureQueued(keyJobId: string): Promise<void>
  /** Puts a key job into the queue when the transaction commits. */
  enqueueKeyJob(transaction: TransactionStore, keyJobId: string): Promise<void>
  /** The jobs of all replicas. */
  counts(): Promise<{ queued: number; active: number }>
  stop(): Promise<void>
}

export function createJobQueue({ connection, stream, onError }: JobQueueOptions): JobQueue {
  const { areSeveral } = pinnedConfig(connection).hosts
  const boss = new PgBoss({
    // The queue hands these to the driver as they are.
    ...{
      ...pinnedConfig(connection, applicationName('jobs')),
      ...(stream !== undefined && { stream }),
      query_timeout: queryTimeoutMs,
      keepAlive: true,
    },
    schema,
    max: maxConnections,
    // It listens over a connection of the driver's own kind, which stays at the first host. Without notifications a job
    // begins when it is polled for.
    useListenNotify: !areSeveral,
    schedule: false,
  })
  boss.on('error', onError)
  const send = (keyJobId: string, transaction?: Database) =>
    boss.send(
      queue,
      { keyJobId },
      {
        singletonKey: keyJobId,
        ...(transaction !== undefined && { db: fromKysely(transaction) }),
      },
    )

  return {
    async createSchema() {
      await boss.start()
      // "short": at most one waiting job for each key. Running ones do not count, since their replica may be dead.
      await boss.createQueue(queue, {
        policy: 'short',
        retryLimit: 0,
        expireInSeconds: expireSeconds,
        deleteAfterSeconds: 3_600,
        notify: true,
      })
    },

    async work(handlers) {
      await boss.work<{ keyJobId: string }>(
        queue,
        { pollingIntervalSeconds: pollSeconds, localConcurrency: concurrentJobs },
        async (jobs) => {
          for (const { data } of jobs) {
            if (await handlers.runKeyJob(data.keyJobId)) await send(data.keyJobId)
          }
        },
      )
    },

    async ensureQueued(keyJobId) {
      await send(keyJobId)
    },

    async enqueueKeyJob(transaction, keyJobId) {
      await send(keyJobId, transaction.handle)
    },

    async counts() {
      const [stats] = await boss.getQueueStats(queue)
      return { queued: stats?.queuedCount ?? 0, active: stats?.activeCount ?? 0 }
    },

    async stop() {
      await boss.stop({ graceful: true, timeout: stopMs })
    },
  }
}
