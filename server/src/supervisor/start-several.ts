// Decides how many replicas there are, and starts them where they are more than one.
import { isMissingTable } from '../store/database.ts'
import { readServerFacts } from '../store/connections/server-facts.ts'
import { replicaQueries } from '../store/replicas.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Environment } from '../settings/setting.ts'
import { defaultTimings } from '../timings.ts'
import { connectDatabaseToLook } from '../wiring/connect-database.ts'
import { createLogger } from '../wiring/create-logger.ts'
import { countReplicas, processors, roomIn } from './count-replicas.ts'
import { sharesPorts } from './shared-port.ts'
import { startReplicas, type SupervisedReplicas } from './start-replicas.ts'

/** Undefined: one replica is right, and needs no supervisor. */
export async function startSeveral(
  settings: Settings,
  environment: Environment,
): Promise<SupervisedReplicas | { exitCode: number } | undefined> {
  const logger = createLogger(settings.logLevel)
  const machine = { cores: processors(), sharesPorts, room: () => roomInDatabase(settings) }
  const count = await countReplicas(settings.replicas, machine, logger)
  return count === 1 ? undefined : startReplicas(settings, { count, environment, logger })
}

/** The embedded PostgreSQL is started with room for all. What keeps others from a look, the first replica says. */
async function roomInDatabase(settings: Settings): Promise<number | undefined> {
  if (settings.databaseUrl === undefined) return undefined
  const found = await connectDatabaseToLook(settings).catch(() => undefined)
  if (found === undefined) return undefined
  try {
    const { maxConnections } = await readServerFacts(found.db)
    const live = await replicaQueries(found.db)
      .listLive(defaultTimings.replicaGoneMs)
      .catch((error: unknown) => {
        if (isMissingTable(error)) return []
        throw error
      })
    return roomIn(maxConnections, settings.databaseConnections, live.length)
  } catch {
    return undefined
  } finally {
    await found.close()
  }
}
