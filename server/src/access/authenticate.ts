// From an access token to the caller. An unknown, a revoked and a malformed token are one and the same to the outside.
// Look-ups are gathered: however many there are, those of keys that were valid before use one connection to the database
// at a time, and all others a second one.
import { KeyholdError } from '@keyhold/core'
import { gather } from '../event-loop/gather.ts'
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { Store } from '../store/store.ts'
import { isApiKeySecret, parseApiKeyToken, type ApiKeyToken } from './api-key-token.ts'
import type { Caller } from './caller.ts'
import { createUnknownKeys, type UnknownKeysOptions } from './unknown-keys.ts'

// A replica that has just seen a key may accept it for this long after it was revoked elsewhere.
const holdMs = 5_000
const maxHeld = 10_000

/**
 * Throws `ERR_UNAUTHENTICATED`, and `ERR_TOO_MANY_UNKNOWN_KEYS` for a token that would have to be looked up. Answers
 * without a promise for a token that was asked for a moment ago.
 *
 * @param addressOf - answers what counts as one client; not called for a token that is held
 */
export type Authenticate = (token: string, addressOf: () => string) => Caller | Promise<Caller>

export interface Authentication {
  authenticate: Authenticate
  /** This replica has made the API key: it works at once, whatever else comes from the caller's address. */
  wasCreated: (token: string) => void
}

export interface AuthenticateOptions extends Omit<UnknownKeysOptions, 'clock'> {
  store: Pick<Store, 'apiKeys'>
  /** Monotonic, in milliseconds. Default: the process's own. */
  clock?: () => number
}

interface Held {
  caller: Caller
  untilMs: number
}

export function createAuthenticate({
  store,
  clock = () => performance.now(),
  ...options
}: AuthenticateOptions): Authentication {
  // By the whole token: hashing it with every request takes longer than everything else here. Only tokens that are
  // valid get in, and looking one up compares characters only of those with the same hash under a random seed.
  const held = new Map<string, Held>()
  const flights = createSingleFlight<Caller>()
  const unknownKeys = createUnknownKeys({ ...options, clock })
  const find = gather(async (_group, ids: string[]): Promise<(ApiKeyRow | undefined)[]> => {
    const rows = await store.apiKeys.findAll(ids)
    return ids.map((id) => rows.get(id))
  })
  let sweepAtMs = 0

  // Without this, tokens that nobody uses any more would stay in memory.
  function sweep(nowMs: number): void {
    if (nowMs < sweepAtMs && held.size < maxHeld) return
    sweepAtMs = nowMs + holdMs
    for (const [token, { untilMs }] of held) if (nowMs >= untilMs) held.delete(token)
    if (held.size >= maxHeld) held.clear()
  }

  async function look(text: string, address: string): Promise<Caller> {
    const token = parseApiKeyToken(text)
    if (token === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
    if (unknownKeys.isKnownGood(text)) return lookUp('known good', text, token, address)
    const begun = unknownKeys.begin(text, address)
    const end = begun instanceof Promise ? await begun : begun
    try {
      return await lookUp('unknown', text, token, address)
    } finally {
      end()
    }
  }

  async function lookUp(
    group: 'known good' | 'unknown',
    text: string,
    { id, secret }: ApiKeyToken,
    address: string,
  ): Promise<Caller> {
    const untilMs = clock() + holdMs
    const row = await find(group, id)
    if (row === undefined || !isApiKeySecret(secret, row.secretHash)) {
      unknownKeys.wasNotFound(text, address)
      throw new KeyholdError('ERR_UNAUTHENTICATED')
    }
    unknownKeys.wasFound(text)
    const caller = { apiKeyId: row.id, role: row.role, tenantId: row.tenantId }
    sweep(clock())
    held.set(text, { caller, untilMs })
    return caller
  }

  return {
    authenticate(text, addressOf) {
      const known = held.get(text)
      if (known !== undefined && clock() < known.untilMs) return known.caller
      return flights.share(text, () => look(text, addressOf()))
    },
    wasCreated: (token) => {
      unknownKeys.wasFound(token)
    },
  }
}
