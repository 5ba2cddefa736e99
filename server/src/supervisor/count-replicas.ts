// How many replicas a machine gets: what the operator says, or as many as it has use and room for.
import { KeyholdError } from '@keyhold/core'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'

export interface Machine {
  /** Processors that this process may use. */
  cores: number
  sharesPorts: () => Promise<boolean>
  /** How many replicas PostgreSQL has room for besides those that run; undefined: nobody knows. */
  room: () => Promise<number | undefined>
}

export const processors = availableParallelism

/** @throws KeyholdError `ERR_CONFIG_INVALID` for several on a system without ports that processes share */
export async function countReplicas(
  asked: number | 'auto',
  { cores, sharesPorts, room }: Machine,
  logger: Pick<Logger, 'warn'>,
): Promise<number> {
  if (asked === 1 || (asked === 'auto' && cores === 1)) return 1
  if (!(await sharesPorts())) {
    if (asked !== 'auto') {
      throw new KeyholdError('ERR_CONFIG_INVALID', {
        message: `KEYHOLD_REPLICAS or --replicas is ${asked}, and this system (${process.platform}) has no ports that processes share, as Linux has: set it to 1, and start several servers with a port and a data directory each, behind a proxy.`,
      })
    }
    logger.warn({ platform: process.platform }, 'one replica: this system has no ports that processes share')
    return 1
  }
  const found = await room()
  const wanted = asked === 'auto' ? cores : asked
  if (found === undefined || wanted <= found) return wanted
  if (asked !== 'auto') {
    logger.warn(
      { replicas: asked, room: found },
      'max_connections of PostgreSQL has no room for so many replicas: raise it, or lower KEYHOLD_DATABASE_CONNECTIONS or KEYHOLD_REPLICAS',
    )
    return asked
  }
  const count = Math.max(1, found)
  logger.warn(
    { cores, replicas: count },
    'fewer replicas than processors: max_connections of PostgreSQL has no room for more. Raise it, or lower KEYHOLD_DATABASE_CONNECTIONS',
  )
  return count
}

/** Connections of a replica besides its pool: queue, notifications and readiness. */
const besidesPool = 7
/** For PostgreSQL's own reserve, and for a command beside the replicas. */
const reserved = 13

/** @param others - replicas that run already */
export function roomIn(maxConnections: number, poolSize: number, others: number): number {
  return Math.max(0, Math.floor((maxConnections - reserved) / (poolSize + besidesPool)) - others)
}
