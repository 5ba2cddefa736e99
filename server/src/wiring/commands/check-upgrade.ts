// `keyhold-server upgrade-check`: run the new version's, before the upgrade, while the old replicas serve. It looks at the database
// and changes nothing.
import { keyholdVersion, versionInName } from '../../driver/application-name.ts'
import { shown } from '../../driver/shown-text.ts'
import { isMissingTable, type Database } from '../../store/database.ts'
import { replicaQueries } from '../../store/replicas.ts'
import { lookAtSchema } from '../../store/schema/migrate-schema.ts'
import { defaultTimings } from '../../timings.ts'
import {
  connectDatabaseOfRunningServer,
  connectDatabaseToLook,
  type DatabaseSettings,
} from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'

export interface UpgradeCheck {
  /** Whether the replicas that run now may go on while the first ones of this version start. */
  isRolling: boolean
  lines: string[]
}

/** @throws KeyholdError `ERR_SCHEMA_NEWER` where this would be a downgrade */
export async function checkUpgrade(settings: DatabaseSettings): Promise<UpgradeCheck> {
  const { db, close } =
    (await connectDatabaseToLook(settings)) ??
    (await connectDatabaseOfRunningServer(settings, createLogger('silent')))
  try {
    const { missing, needingStop } = await lookAtSchema(db)
    const running = await runningVersions(db)
    const tooFar = [...running.keys()].filter((version) => !isNeighbour(version, keyholdVersion))
    const isRolling = needingStop.length === 0 && tooFar.length === 0
    return {
      isRolling,
      lines: [
        `This is version ${keyholdVersion}.`,
        runningLine(running),
        missing.length === 0
          ? 'The schema is up to date: nothing has to be migrated.'
          : `Schema migrations to run: ${missing.join(', ')}.`,
        verdict(isRolling, needingStop, tooFar),
      ],
    }
  } finally {
    await close()
  }
}

function verdict(isRolling: boolean, needingStop: readonly string[], tooFar: readonly string[]): string {
  if (isRolling) return 'A rolling upgrade is possible: replace one replica after the other.'
  const why =
    needingStop.length > 0
      ? `those of before cannot work after ${needingStop.join(', ')}`
      : `versions ${tooFar.map(versionWords).join(', ')} and ${keyholdVersion} are not tried together, only neighbours are`
  return `Stop all replicas before the first one of this version starts: ${why}.`
}

/** By the version: the places where it runs, as far as the replicas tell of themselves. An empty version is one from before they did. */
async function runningVersions(db: Database): Promise<Map<string, Set<string>>> {
  const queries = replicaQueries(db)
  const versions = new Map<string, Set<string>>()
  const add = (version: string, host?: string) => {
    const hosts = versions.get(version) ?? new Set()
    if (host !== undefined) hosts.add(host)
    versions.set(version, hosts)
  }
  for (const { facts } of await listLive(queries)) add(facts?.version ?? '', facts?.host)
  // Sealed replicas give no sign of life, but are connected. A command is no replica.
  for (const name of await queries.listConnectionNames()) {
    const version = name.endsWith(' command') ? undefined : versionInName(name)
    if (version !== undefined && !versions.has(version)) add(version)
  }
  return versions
}

/** A schema from before there were signs of life has none. */
async function listLive(queries: ReturnType<typeof replicaQueries>) {
  try {
    return await queries.listLive(defaultTimings.replicaGoneMs)
  } catch (error) {
    if (isMissingTable(error)) return []
    throw error
  }
}

function runningLine(running: ReadonlyMap<string, ReadonlySet<string>>): string {
  if (running.size === 0) return 'No replica runs now.'
  const each = [...running].map(([version, hosts]) => {
    const where = hosts.size === 0 ? '' : ` on ${[...hosts].map(shown).join(', ')}`
    return versionWords(version) + where
  })
  return `Replicas run now: ${each.join('; ')}.`
}

function versionWords(version: string): string {
  return version === '' ? 'one that does not tell its version' : shown(version)
}

/** Whether two versions are tried together: the same major version, and the same or the next minor one. */
export function isNeighbour(one: string, other: string): boolean {
  const [[major, minor], [otherMajor, otherMinor]] = [parts(one), parts(other)]
  return major === otherMajor && Math.abs(minor - otherMinor) <= 1
}

function parts(version: string): [major: number, minor: number] {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\./.exec(version) ?? []
  return [Number(major), Number(minor)]
}
