// The server in this process, on a free port, without a log.
import { pino } from 'pino'
import { readSettings } from '../../server/src/settings/read-settings.ts'
import { startServer, type Server } from '../../server/src/main.ts'
import type { Timings } from '../../server/src/timings.ts'

export function startQuietServer(
  environment: Record<string, string>,
  timings?: Partial<Timings>,
): Promise<Server> {
  return startServer(
    readSettings({ ...environment, KEYHOLD_PORT: '0' }),
    pino({ level: 'silent' }),
    undefined,
    timings,
  )
}
