// The server in this process, on a free port, without a log.
import { pino } from 'pino'
import { readConfig } from '../../server/src/config.ts'
import { startServer, type Server } from '../../server/src/main.ts'
import type { Timings } from '../../server/src/timings.ts'

export function startQuietServer(
  environment: Record<string, string>,
  timings?: Partial<Timings>,
): Promise<Server> {
  return startServer(
    readConfig({ ...environment, KEYHOLD_PORT: '0' }),
    pino({ level: 'silent' }),
    undefined,
    timings,
  )
}
