// From the secret of a session to the caller. One that is unknown, has ended or is malformed is one and the same to the outside.
import { KeyholdError } from '@keyhold/core'
import type { ClientAddresses } from '../../access/authenticate.ts'
import type { Caller } from '../../access/caller.ts'
import { isCheckedText, isTaggedId, type IdTag } from '../../access/checked-text.ts'
import { createUnknownKeys, type UnknownKeysOptions } from '../../access/unknown-keys.ts'
import { createSingleFlight } from '../../event-loop/single-flight.ts'
import type { SessionRow } from '../../store/sessions/sessions.ts'
import type { HeldSessions } from './held-sessions.ts'
import { parseSessionToken } from './session-token.ts'

export interface SessionAuthentication {
  /**
   * @param kind - where its secret was sent: a cookie is no access token, and an access token no cookie
   * @param isUse - whether its owner sends something now, which keeps it from ending
   * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_TOO_MANY_UNKNOWN_KEYS`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`, also as rejections
   */
  authenticate(
    token: string,
    kind: SessionRow['kind'],
    addresses: ClientAddresses,
    isUse?: boolean,
  ): Caller | Promise<Caller>
  /** This replica has made the session. */
  wasCreated(token: string): void
}

export interface SessionAuthenticationOptions extends UnknownKeysOptions {
  held: HeldSessions
  /** Of the ids of sessions. */
  tagOf: IdTag
}

const unauthenticated = () => new KeyholdError('ERR_UNAUTHENTICATED')

export function createSessionAuthentication({
  held,
  tagOf,
  ...options
}: SessionAuthenticationOptions): SessionAuthentication {
  const flights = createSingleFlight<Caller>()
  const unknown = createUnknownKeys(options)

  async function look(text: string, address: string, isUse: boolean): Promise<Caller> {
    const token = parseSessionToken(text)
    if (token === undefined) throw unauthenticated()
    const end = unknown.isKnownGood(text) ? () => undefined : await unknown.begin(text, address)
    try {
      const caller = isTaggedId(token.id, tagOf)
        ? await held.read(text, token.id, (secretHash) => isCheckedText('khs', token, secretHash), isUse)
        : undefined
      if (caller === undefined) {
        unknown.wasNotFound(text, address)
        throw unauthenticated()
      }
      unknown.wasFound(text)
      return caller
    } finally {
      end()
    }
  }

  function admit(text: string, kind: SessionRow['kind'], caller: Caller, addresses: ClientAddresses): Caller {
    if (caller.session?.kind !== kind) throw unauthenticated()
    if (caller.isFrom !== undefined && !caller.isFrom(addresses.full()))
      throw unknown.refusalElsewhere(text, addresses.client())
    return caller
  }

  return {
    authenticate(text, kind, addresses, isUse = true) {
      const known = held.find(text, isUse)
      if (known !== undefined) return admit(text, kind, known, addresses)
      return flights
        .share(`${isUse} ${text}`, () => look(text, addresses.client(), isUse))
        .then((caller) => admit(text, kind, caller, addresses))
    },
    wasCreated(token) {
      unknown.wasFound(token)
    },
  }
}
