// From an access token to the caller. An unknown, a revoked and a malformed token are one and the same to the outside.
import { KeyholdError } from '@keyhold/core'
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { Store } from '../store/store.ts'
import { isApiKeySecret, parseApiKeyToken } from './api-key-token.ts'
import type { Caller } from './caller.ts'

// A replica that has just seen a key may accept it for this long after it was revoked elsewhere.
const holdMs = 5_000
const maxHeld = 10_000

/** Throws `ERR_UNAUTHENTICATED`. Answers without a promise for a token that was asked for a moment ago. */
export type Authenticate = (token: string) => Caller | Promise<Caller>

interface Held {
  caller: Caller
  untilMs: number
}

/** @param clock - monotonic, in milliseconds */
export function createAuthenticate(
  store: Store,
  clock: () => number = () => performance.now(),
): Authenticate {
  // By the whole token: hashing it with every request takes longer than everything else here. Only tokens that are
  // valid get in, and looking one up compares characters only of those with the same hash under a random seed.
  const held = new Map<string, Held>()
  const flights = createSingleFlight<Caller>()
  let sweepAtMs = 0

  // Without this, tokens that nobody uses any more would stay in memory.
  function sweep(nowMs: number): void {
    if (nowMs < sweepAtMs && held.size < maxHeld) return
    sweepAtMs = nowMs + holdMs
    for (const [token, { untilMs }] of held) if (nowMs >= untilMs) held.delete(token)
    if (held.size >= maxHeld) held.clear()
  }

  async function look(text: string): Promise<Caller> {
    const token = parseApiKeyToken(text)
    if (token === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
    const untilMs = clock() + holdMs
    const row = await store.apiKeys.find(token.id)
    if (row === undefined || !isApiKeySecret(token.secret, row.secretHash)) {
      throw new KeyholdError('ERR_UNAUTHENTICATED')
    }
    const caller = { apiKeyId: row.id, role: row.role, tenantId: row.tenantId }
    sweep(clock())
    held.set(text, { caller, untilMs })
    return caller
  }

  return (text) => {
    const known = held.get(text)
    if (known !== undefined && clock() < known.untilMs) return known.caller
    return flights.share(text, () => look(text))
  }
}
