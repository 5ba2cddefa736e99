// The database's clock, read anew every few seconds. The log says when this replica's own clock differs too much.
import type { Logger } from 'pino'
import {
  maxSkewMs,
  openDatabaseClock,
  type DatabaseClock,
  type ReplicaClocks,
} from '../store/database-clock.ts'
import type { Database } from '../store/database.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'

/** @param closers - receives the function that stops the reading */
export async function openClock(
  db: Database,
  logger: Logger,
  { clockMs }: Pick<Timings, 'clockMs'>,
  clocks: ReplicaClocks,
  closers: Closers,
): Promise<DatabaseClock> {
  const clock = await openDatabaseClock(db, clocks)
  let agreed = true

  function report(): void {
    if (clock.agrees() === agreed) return
    agreed = !agreed
    const skew = { skewSeconds: Math.round(clock.skewMs() / 1_000), maxSkewSeconds: maxSkewMs / 1_000 }
    if (agreed) logger.info(skew, 'the clocks of this replica and of the database agree again')
    else
      logger.error(
        skew,
        'the clocks of this replica and of the database differ: this replica destroys nothing until they agree. Correct the clock that is wrong.',
      )
  }

  report()
  const timer = setInterval(() => {
    // Without the database the last reading goes on, and nothing can be destroyed.
    clock.refresh().then(report, () => undefined)
  }, clockMs)
  timer.unref()
  closers.push(() => {
    clearInterval(timer)
    return Promise.resolve()
  })
  return clock
}
