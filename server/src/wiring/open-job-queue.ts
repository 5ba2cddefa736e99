// The job queue: it reports the errors that it survives.
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { createJobQueue, type JobQueue } from '../jobs/job-queue.ts'
import type { DatabaseConnection } from '../store/database.ts'
import type { Closers } from './close-all.ts'

/** @param closers - receives the function that stops the queue */
export function openJobQueue(
  { connection, stream }: { connection: DatabaseConnection; stream: () => Socket },
  logger: Logger,
  closers: Closers,
): JobQueue {
  const queue = createJobQueue({
    connection,
    stream,
    onError: (error) => {
      logger.warn({ err: error }, 'job queue')
    },
  })
  closers.push(() => queue.stop())
  return queue
}
