// The server in this process, on a free port, without a log.
import { pino } from 'pino'
import { readSettings, type Settings } from '../../../server/src/settings/read-settings.ts'
import { startServer, type Server } from '../../../server/src/main.ts'
import type { ReplicaClocks } from '../../../server/src/store/database-clock.ts'
import type { Timings } from '../../../server/src/timings.ts'

export interface QuietServerOptions {
  /** How long the server waits between looks, where it differs from the usual. */
  timings?: Partial<Timings> | undefined
  /** The clocks of the replica, where they are not those of this process. */
  clocks?: Partial<ReplicaClocks> | undefined
  /** For what the environment cannot give, such as a function at the failpoints. */
  adjust?: (settings: Settings) => Settings
}

export function startQuietServer(
  environment: Record<string, string>,
  { timings, clocks, adjust = (settings) => settings }: QuietServerOptions = {},
): Promise<Server> {
  const settings = readSettings({ ...environment, KEYHOLD_PORT: '0' })
  return startServer(
    adjust({ ...settings, mayCreateRootKey: true }),
    pino({ level: 'silent' }),
    undefined,
    timings,
    clocks,
  )
}
