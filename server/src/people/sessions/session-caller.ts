// The caller in a session: the API key that it was exchanged for, or a person whom an issuer has named.
import { callerOf, issuedCaller, type Caller } from '../../access/caller.ts'
import type { FoundApiKey } from '../../store/api-keys/api-keys.ts'
import type { FoundSession, SessionRow } from '../../store/sessions/sessions.ts'

/** @param key - of a session that was exchanged for one; it has all of its rights and no more */
export function sessionCaller(session: SessionRow, key: FoundApiKey | undefined): Caller {
  const { id, kind, name, owner, signedInAt, endsAt, role, tenantId, scopes } = session
  const own = { id, kind, signedInAt, endsAt }
  if (key !== undefined) return { ...callerOf(key), name: key.name, session: own }
  const person = 'issuer' in owner ? `${owner.issuer}#${owner.subject}` : ''
  return { ...issuedCaller({ kind: 'person', id: person, name, role, tenantId, scopes }), session: own }
}

/** A session with its API key, if it has one. Undefined: it does not hold. */
export function holdingPair(
  session: FoundSession | undefined,
  keys: ReadonlyMap<string, FoundApiKey>,
): { session: FoundSession; key: FoundApiKey | undefined; endsInMs: number } | undefined {
  if (session === undefined) return undefined
  if (!('apiKeyId' in session.owner)) return { session, key: undefined, endsInMs: session.endsInMs }
  const key = keys.get(session.owner.apiKeyId)
  if (key === undefined) return undefined
  return { session, key, endsInMs: Math.min(session.endsInMs, key.endsInMs ?? session.endsInMs) }
}

/** The ids of the API keys that sessions were exchanged for. */
export function keyIdsOf(sessions: Iterable<SessionRow>): string[] {
  return [
    ...new Set(Array.from(sessions, ({ owner }) => ('apiKeyId' in owner ? [owner.apiKeyId] : [])).flat()),
  ]
}
