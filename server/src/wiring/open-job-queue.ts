// The job queue: it reports the errors that it survives.
import type { Logger } from 'pino'
import { createJobQueue, type JobQueue } from '../jobs/job-queue.ts'
import type { DatabaseConnection } from '../store/database.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'

/** @param closers - receives the function that stops the queue */
export function openJobQueue(
  connection: DatabaseConnection,
  { sweepMs }: Timings,
  logger: Logger,
  closers: Closers,
): JobQueue {
  const queue = createJobQueue({
    connection,
    sweepMs,
    onError: (error) => {
      logger.warn({ err: error }, 'job queue')
    },
  })
  closers.push(() => queue.stop())
  return queue
}
