// Begins a session: for whoever has shown an API key, or was named by an issuer. Its secret exists in the answer alone.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../../store/audits.ts'
import type { NewSession, SessionRow } from '../../store/sessions/sessions.ts'
import type { Store, TransactionStore } from '../../store/store.ts'
import { generateSessionToken } from './session-token.ts'

export type SessionRequest = Omit<NewSession, 'id' | 'secretHash'>

export interface BegunSession {
  session: SessionRow
  token: string
}

/**
 * @param actor - whose session it is; an API key must hold
 * @param begin - runs first, in the same transaction
 * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_TENANT_NOT_FOUND`
 */
export function beginSession(
  store: Pick<Store, 'transaction'>,
  request: SessionRequest,
  actor: Actor,
  begin: (transaction: TransactionStore) => Promise<void> = () => Promise.resolve(),
): Promise<BegunSession> {
  return store.transaction(async (transaction) => {
    const { tenantId } = request
    if (tenantId !== undefined && !(await transaction.tenants.isOpen(tenantId)))
      throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    await transaction.confirmActor(actor)
    await begin(transaction)
    const { id, text, secretHash } = generateSessionToken((start) =>
      transaction.macs.tagOf('sessionId', start),
    )
    const session = await transaction.sessions.insert({ ...request, id, secretHash })
    const { kind, role, endsAt } = session
    transaction.audit({
      ...{ tenantId, actor, action: 'session.begin', targetId: id },
      details: { kind, role, endsAt: endsAt.toISOString() },
    })
    return { session, token: text }
  })
}
