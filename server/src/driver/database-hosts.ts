// Which of the hosts of a database takes changes, for all connections of this process. After a failover the one that did so may
// run on: it only reads, or it does not know of the other one yet. So a host that is left loses all its connections, whoever
// uses them.
import { KeyholdError } from '@keyhold/core/errors'
import { isDatabaseUnavailable, isUnverified } from './is-database-unavailable.ts'

/** As the driver connects to it. */
export interface HostAddress {
  readonly host: string
  readonly port: number
}

export interface DatabaseHosts {
  /** Whether there is more than one. */
  readonly areSeveral: boolean
  /**
   * The host to connect to. After something has failed there, all are asked in turn, beginning with the one that last
   * worked; callers that ask meanwhile share the answer. Undefined: there is only one, which the client knows.
   *
   * @throws KeyholdError `ERR_DATABASE_UNAVAILABLE` when none takes changes, and what a host says that is no outage
   */
  find(): Promise<HostAddress | undefined>
  /**
   * A connection to this host is in use now.
   *
   * @param cut - is called when the host is left
   * @returns the function to call when the connection has ended
   */
  join(address: HostAddress | undefined, cut: () => void): () => void
  /** Something has failed there: the next connection looks for a host first. */
  doubt(address: HostAddress | undefined): void
  /** A new connection shows that this host takes no changes: the others to it are cut. */
  leave(address: HostAddress | undefined): void
}

/**
 * Connects to the host of a URL and answers its address.
 *
 * @throws KeyholdError `ERR_DATABASE_UNAVAILABLE` when it takes no changes, and what the driver throws
 */
export type AskHost = (url: string, withinMs: number) => Promise<HostAddress>

// A pool waits five seconds for a connection, and one to the host that was found comes after this.
const searchMs = 4_500
const maxHostMs = 2_500

export function createDatabaseHosts(urls: readonly string[], ask: AskHost): DatabaseHosts {
  const hostMs = Math.min(maxHostMs, searchMs / urls.length)
  const members = new Set<{ address: HostAddress | undefined; cut: () => void }>()
  // Of the host that last worked.
  let index = 0
  let current: HostAddress | undefined
  let searching: Promise<HostAddress> | undefined

  function cut(isMeant: (address: HostAddress | undefined) => boolean): void {
    for (const member of [...members]) if (isMeant(member.address)) member.cut()
  }

  async function search(): Promise<HostAddress> {
    const failures: unknown[] = []
    const from = index
    for (let step = 0; step < urls.length; step++) {
      const next = (from + step) % urls.length
      try {
        current = await ask(urls[next] ?? '', hostMs)
      } catch (error) {
        // A wrong password is told at once: the other host has the same.
        if (!isDatabaseUnavailable(error) && !isUnverified(error)) throw error
        failures.push(error)
        continue
      }
      if (next !== index) {
        index = next
        const kept = current
        cut((address) => !isSame(address, kept))
      }
      return current
    }
    // Where it is no outage, waiting does not help.
    if (failures.every(isUnverified)) throw failures[0]
    throw noneTakesChanges(failures)
  }

  return {
    areSeveral: urls.length > 1,

    async find() {
      if (urls.length <= 1 || current !== undefined) return current
      return (searching ??= search().finally(() => {
        searching = undefined
      }))
    },

    join(address, cutIt) {
      const member = { address, cut: cutIt }
      members.add(member)
      return () => members.delete(member)
    },

    doubt(address) {
      if (isSame(address, current)) current = undefined
    },

    leave(address) {
      if (isSame(address, current)) current = undefined
      cut((its) => isSame(its, address))
    },
  }
}

function isSame(one: HostAddress | undefined, other: HostAddress | undefined): boolean {
  return one?.host === other?.host && one?.port === other?.port
}

function noneTakesChanges(failures: readonly unknown[]): KeyholdError {
  const reasons = failures.map((failure) =>
    failure instanceof KeyholdError
      ? 'it only reads'
      : failure instanceof Error && 'code' in failure
        ? String(failure.code)
        : 'no answer in time',
  )
  return new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
    message: `None of the ${reasons.length} hosts in KEYHOLD_DATABASE_URL takes changes (in their order: ${reasons.join(', ')}): check that one of them is the primary and runs.`,
    cause: failures[0],
  })
}
