// The sessions that a replica has seen a moment ago, so that their requests cost no query. As API keys, all of them are read again
// every so often and whenever one is ended somewhere; without the database they end by their time limit.
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Caller } from '../../access/caller.ts'
import type { FoundSession, SessionRow } from '../../store/sessions/sessions.ts'
import type { Store } from '../../store/store.ts'
import { holdingPair, keyIdsOf, sessionCaller } from './session-caller.ts'

export interface HeldSessionsOptions {
  store: Pick<Store, 'apiKeys' | 'sessions' | 'clock'>
  /** How long a session is held without a reading that finds it. 0: not at all. */
  ttlMs: number
  /** Monotonic, in milliseconds. */
  clock: () => number
  /** Whether people of the issuer may still sign in. */
  isTrusted: (issuer: string) => boolean
}

export interface HeldSessions {
  /**
   * Undefined: it has to be looked up.
   *
   * @param isUse - whether a session that is found counts as used
   */
  find(token: string, isUse?: boolean): Caller | undefined
  /** Reads a session. Undefined: there is none with that id and secret that holds. */
  read(
    token: string,
    id: string,
    isSecret: (secretHash: Buffer) => boolean,
    isUse?: boolean,
  ): Promise<Caller | undefined>
  /** These have ended. Their rows count as gone from now on, whatever is read. */
  end(ids: readonly string[]): void
  endTenant(tenantId: string): void
  /** The API key is revoked. */
  endApiKey(apiKeyId: string): void
  /** Reads the rows of all that are held, and notes which were used. */
  readAgain(): Promise<void>
}

interface Held {
  session: SessionRow
  caller: Caller
  readAtMs: number
  untilMs: number
  usedMs: number
  /** As of the last note of its use. */
  notedMs: number
}

const maxHeld = 10_000
// Longer than a session that nobody uses: a row that somebody puts back is over by then.
const maxEnded = 50_000
const rowsAtOnce = 1_000
// A reading does not prolong the time of those who send nothing for so long: they end by the time limit.
const idleMs = 10_000
const noteMs = 60_000

export function createHeldSessions({ store, ttlMs, clock, isTrusted }: HeldSessionsOptions): HeldSessions {
  // By the hash of the token: it is in memory for no longer than a request.
  const held = new LRUCache<string, Held>({ max: maxHeld })
  const ended = new LRUCache<string, true>({ maxSize: maxEnded, sizeCalculation: () => 1 })
  const endedKeys = new LRUCache<string, true>({ maxSize: maxEnded, sizeCalculation: () => 1 })
  // Anybody who reaches the database may say that a tenant has ended, so that it outdates only what was read before.
  const tenantEndedMs = new LRUCache<string, number>({ maxSize: maxEnded, sizeCalculation: () => 1 })
  const nameOf = (token: string) => hash('sha256', token, 'base64')

  /** Also where it was read before that, and held afterwards. */
  function hasEnded({ session: { id, owner }, caller: { tenantId }, readAtMs }: Held): boolean {
    return (
      ended.has(id) ||
      ('apiKeyId' in owner && endedKeys.has(owner.apiKeyId)) ||
      (tenantId !== undefined && readAtMs <= (tenantEndedMs.get(tenantId) ?? Number.NEGATIVE_INFINITY))
    )
  }

  function dropEnded(): void {
    for (const [name, one] of held.entries()) if (hasEnded(one)) held.delete(name)
  }

  async function readPairs(ids: readonly string[]) {
    const sessions = await store.sessions.findAll(ids)
    const keyIds = keyIdsOf(sessions.values())
    const keys = keyIds.length === 0 ? new Map() : await store.apiKeys.findAll(keyIds)
    return (id: string) => {
      const session = sessions.get(id)
      const isLetIn =
        session !== undefined &&
        !ended.has(id) &&
        ('apiKeyId' in session.owner || isTrusted(session.owner.issuer))
      return isLetIn ? holdingPair(session, keys) : undefined
    }
  }

  async function note(session: FoundSession, agoMs: number): Promise<void> {
    const at = new Date(Math.floor(store.clock.now().getTime() - agoMs))
    if (at > session.seenAt) await store.sessions.noteUse(session, at)
  }

  return {
    find(token, isUse = true) {
      const one = held.get(nameOf(token))
      const nowMs = clock()
      if (one === undefined || nowMs >= one.untilMs || hasEnded(one)) return undefined
      if (isUse) one.usedMs = nowMs
      return one.caller
    },

    async read(token, id, isSecret, isUse = true) {
      const readAtMs = clock()
      const pair = (await readPairs([id]))(id)
      // A hash is compared also where there is no such session: nobody learns which ids exist.
      if (!isSecret(pair?.session.secretHash ?? Buffer.alloc(32)) || pair === undefined) return undefined
      if (pair.key?.scopeFault !== undefined) throw pair.key.scopeFault
      const { session, key, endsInMs } = pair
      const caller = sessionCaller(session, key)
      // Not on the way of the request: a session that is used goes on even where nothing can be written for a while.
      const seenMs = readAtMs - (store.clock.now().getTime() - session.seenAt.getTime())
      const isStale = isUse && readAtMs - seenMs > noteMs
      if (isStale) await note(session, 0)
      held.set(nameOf(token), {
        ...{ session, caller, readAtMs, untilMs: readAtMs + Math.min(ttlMs, endsInMs) },
        ...{ usedMs: isUse ? readAtMs : seenMs, notedMs: isStale ? readAtMs : seenMs },
      })
      return caller
    },

    end(ids) {
      for (const id of ids) ended.set(id, true)
      dropEnded()
    },

    endTenant(tenantId) {
      tenantEndedMs.set(tenantId, clock())
      dropEnded()
    },

    endApiKey(apiKeyId) {
      endedKeys.set(apiKeyId, true)
      dropEnded()
    },

    async readAgain() {
      const all = [...held.entries()]
      for (let from = 0; from < all.length; from += rowsAtOnce) {
        const asked = all.slice(from, from + rowsAtOnce)
        const readAtMs = clock()
        const pairOf = await readPairs(asked.map(([, { session }]) => session.id))
        for (const [name, one] of asked) {
          if (held.peek(name) !== one) continue
          const pair = pairOf(one.session.id)
          const isSame =
            pair?.key?.scopeFault === undefined &&
            pair?.session.secretHash.equals(one.session.secretHash) === true
          if (!isSame) {
            held.delete(name)
            continue
          }
          if (one.usedMs > one.notedMs && one.usedMs - one.notedMs >= noteMs) {
            await note(pair.session, clock() - one.usedMs)
            one.notedMs = one.usedMs
          }
          // The rights of the API key may have changed.
          one.caller = sessionCaller(pair.session, pair.key)
          one.readAtMs = readAtMs
          if (one.usedMs > readAtMs - idleMs) {
            one.untilMs = Math.max(one.untilMs, readAtMs + Math.min(ttlMs, pair.endsInMs))
          }
        }
      }
    },
  }
}
