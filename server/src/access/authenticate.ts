// From an access token to the caller. An unknown, a revoked and a malformed token are one and the same to the outside.
// Look-ups are gathered: however many there are, those of keys that were valid before use one connection to the database
// at a time, and all others a second one.
import { KeyholdError } from '@keyhold/core'
import { gather } from '../event-loop/gather.ts'
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { FoundApiKey } from '../store/api-keys/api-keys.ts'
import type { Store } from '../store/store.ts'
import {
  isApiKeySecret,
  isPossibleId,
  parseApiKeyToken,
  type ApiKeyToken,
  type IdTag,
} from './api-key-token.ts'
import { callerOf, type Caller } from './caller.ts'
import type { HeldCallers } from './held-callers.ts'
import { createUnknownKeys, type UnknownKeysOptions } from './unknown-keys.ts'

/**
 * Throws `ERR_UNAUTHENTICATED`, `ERR_TOO_MANY_UNKNOWN_KEYS` for a token that would have to be looked up, `ERR_SEALED`, and
 * `ERR_RECORD_NOT_AUTHENTIC` where nobody knows which API keys of the tenant hold. Answers
 * without a promise for a token that was asked for a moment ago.
 */
export type Authenticate = (token: string, addresses: ClientAddresses) => Caller | Promise<Caller>

export interface ClientAddresses {
  /** Answers the name of that which counts as one client. Not called for a token that is held. */
  client: () => string
  /** The whole address. Called only for a key that is bound to some. */
  full: () => string
}

export interface Authentication {
  authenticate: Authenticate
  /** This replica has made the API key: it works at once, whatever else comes from the caller's address. */
  wasCreated: (token: string) => void
}

export interface AuthenticateOptions extends UnknownKeysOptions {
  store: Pick<Store, 'apiKeys'>
  held: HeldCallers
  /** Of the ids of API keys. */
  tagOf: IdTag
}

export function createAuthenticate({
  store,
  held,
  tagOf,
  clock,
  ...options
}: AuthenticateOptions): Authentication {
  const flights = createSingleFlight<Caller>()
  const unknownKeys = createUnknownKeys({ ...options, clock })
  const find = gather(async (_group, ids: string[]): Promise<(FoundApiKey | undefined)[]> => {
    const rows = await store.apiKeys.findAll(ids)
    return ids.map((id) => rows.get(id))
  })

  async function look(text: string, address: string): Promise<Caller> {
    const token = parseApiKeyToken(text)
    // A mistyped key: whoever has it can see that himself.
    if (token === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
    if (unknownKeys.isKnownGood(text)) return lookUp('known good', text, token, address)
    const begun = unknownKeys.begin(text, address)
    const end = begun instanceof Promise ? await begun : begun
    try {
      if (!isPossibleId(token, tagOf)) {
        // It costs no query, and yet its share of the address: else the refusal of an address would tell which ids exist.
        unknownKeys.wasNotFound(text, address)
        throw new KeyholdError('ERR_UNAUTHENTICATED')
      }
      return await lookUp('unknown', text, token, address)
    } finally {
      end()
    }
  }

  async function lookUp(
    group: 'known good' | 'unknown',
    text: string,
    token: ApiKeyToken,
    address: string,
  ): Promise<Caller> {
    const readAtMs = clock()
    const row = await find(group, token.id)
    if (row === undefined || held.isEnded(token.id) || !isApiKeySecret(token, row.secretHash)) {
      unknownKeys.wasNotFound(text, address)
      throw new KeyholdError('ERR_UNAUTHENTICATED')
    }
    if (row.scopeFault !== undefined) throw row.scopeFault
    unknownKeys.wasFound(text)
    held.hold(text, row, readAtMs)
    return callerOf(row)
  }

  function admit(text: string, caller: Caller, { client, full }: ClientAddresses): Caller {
    if (caller.isFrom === undefined) return caller
    if (!caller.isFrom(full())) throw unknownKeys.refusalElsewhere(text, client())
    held.noteUse(text)
    return caller
  }

  return {
    authenticate(text, addresses) {
      const known = held.find(text)
      if (known !== undefined) return admit(text, known, addresses)
      const looked = flights.share(text, () => look(text, addresses.client()))
      // Requests from several addresses may share one look.
      return looked.then((caller) => admit(text, caller, addresses))
    },
    wasCreated: (token) => {
      unknownKeys.wasFound(token)
    },
  }
}
