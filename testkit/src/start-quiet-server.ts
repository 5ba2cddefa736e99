// The server in this process, on a free port, without a log.
import { pino } from 'pino'
import { readConfig, type Config } from '../../server/src/config.ts'
import { startServer, type Server } from '../../server/src/main.ts'
import type { Timings } from '../../server/src/timings.ts'

export interface QuietServerOptions {
  /** How long the server waits between looks, where it differs from the usual. */
  timings?: Partial<Timings> | undefined
  /** For what the environment cannot give, such as a function at the failpoints. */
  adjust?: (config: Config) => Config
}

export function startQuietServer(
  environment: Record<string, string>,
  { timings, adjust = (config) => config }: QuietServerOptions = {},
): Promise<Server> {
  const config = readConfig({ ...environment, KEYHOLD_PORT: '0' })
  return startServer(adjust(config), pino({ level: 'silent' }), undefined, timings)
}
