// Checks of the database: through the connections that "serve" makes, so that they meet the same TLS, rights and poolers.
import { checkDatabaseSafety } from '../../../store/database.ts'
import {
  listMissingRights,
  readServerFacts,
  type ServerFacts,
} from '../../../store/connections/server-facts.ts'
import { shown } from '../../../driver/shown-text.ts'
import { maxSkewMs, openDatabaseClock, ownClocks, type ReplicaClocks } from '../../../store/database-clock.ts'
import { lookAtSchema } from '../../../store/schema/migrate-schema.ts'
import { describeDatabase } from './describe-database.ts'
import type { Settings } from '../../../settings/read-settings.ts'
import { connectDatabaseToLook, type ConnectedDatabase } from '../../connect-database.ts'
import { fail, ok, warn, type Check } from './checks.ts'

// The queue of jobs, notifications and readiness have their own (docs/configuration.md, KEYHOLD_DATABASE_CONNECTIONS).
const otherConnections = 7
const noticedSkewMs = 5_000
const shownRights = 5

export interface LookedAtDatabase {
  checks: Check[]
  /** Undefined: there is no connection. */
  opened: () => ConnectedDatabase | undefined
  close: () => Promise<void>
}

/** @param settings - undefined where they are wrong */
export function databaseChecks(
  settings: Settings | undefined,
  clocks: ReplicaClocks = ownClocks,
): LookedAtDatabase {
  let connected: ConnectedDatabase | undefined
  let facts: ServerFacts | undefined
  const checks: Check[] = [
    {
      name: 'database',
      async look() {
        if (settings === undefined) return undefined
        connected = await connectDatabaseToLook(settings)
        if (connected === undefined) {
          return ok(
            'the embedded PostgreSQL, which no server runs now: the checks of the database are left out. For several replicas set KEYHOLD_DATABASE_URL',
          )
        }
        facts = await readServerFacts(connected.db)
        const seen = describeDatabase(facts)
        await checkDatabaseSafety(connected.db)
        return facts.tls === undefined && isElsewhere(facts)
          ? warn(
              `${seen}: everybody in between can read it`,
              'add sslmode=verify-full&sslrootcert=FILE to KEYHOLD_DATABASE_URL',
            )
          : ok(seen)
      },
    },
    {
      name: 'schema',
      async look() {
        if (connected === undefined) return undefined
        const { missing, needingStop } = await lookAtSchema(connected.db)
        if (missing.length === 0) return ok('up to date')
        const how = needingStop.length === 0 ? '' : ', with all replicas stopped'
        return warn(
          `to run: ${missing.join(', ')}`,
          `run "keyhold-server migrate" with the role that owns the tables${how}`,
        )
      },
    },
    {
      name: 'rights',
      async look() {
        if (connected === undefined || facts === undefined) return undefined
        const missing = await listMissingRights(connected.db)
        if (missing.length === 0) return ok(`the role ${shown(facts.role)} may do what a server does`)
        const more = missing.length > shownRights ? ` and ${missing.length - shownRights} more` : ''
        return fail(
          `the role ${shown(facts.role)} lacks rights: ${missing.slice(0, shownRights).map(shown).join(', ')}${more}`,
          'run "keyhold-server migrate --serve-role ROLE" with the role that owns the tables',
        )
      },
    },
    {
      name: 'connections',
      look() {
        if (facts === undefined || settings === undefined) return Promise.resolve(undefined)
        const each = settings.databaseConnections + otherConnections
        const here = replicasHere(settings)
        // One more is started before another one ends.
        const needed = Math.max(2, here + 1)
        const seen = `max_connections is ${facts.maxConnections}; each replica takes up to ${each}${here === 1 ? '' : `, and this machine has ${here}`}`
        const finding =
          each * needed > facts.maxConnections
            ? warn(
                `${seen}: not enough for ${needed === 2 ? 'two' : needed}`,
                'raise max_connections, or lower KEYHOLD_DATABASE_CONNECTIONS',
              )
            : ok(seen)
        return Promise.resolve(finding)
      },
    },
    {
      name: 'clock',
      async look() {
        if (connected === undefined) return undefined
        const skewMs = (await openDatabaseClock(connected.db, clocks)).skewMs()
        const seen = `${(Math.abs(skewMs) / 1_000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} the database's clock`
        const advice = 'let NTP set the clocks of both machines'
        if (Math.abs(skewMs) > maxSkewMs)
          return fail(`${seen}: nothing is destroyed while they differ so`, advice)
        return Math.abs(skewMs) > noticedSkewMs ? warn(seen, advice) : ok(seen)
      },
    },
  ]
  return { checks, opened: () => connected, close: () => connected?.close() ?? Promise.resolve() }
}

function isElsewhere({ address }: ServerFacts): boolean {
  return address !== undefined && address !== '::1' && !address.startsWith('127.')
}

/** How many replicas "serve" starts here, as far as the settings say it: "auto" takes no more than fit. */
function replicasHere({ replicas }: Pick<Settings, 'replicas'>): number {
  return replicas === 'auto' ? 1 : replicas
}
