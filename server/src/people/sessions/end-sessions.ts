// Ends sessions: one's own, or others' where one may.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../../store/audits.ts'
import type { Sessions } from '../../store/sessions/sessions.ts'
import type { Store } from '../../store/store.ts'

export interface EndRequest {
  /** The session itself, or with it all others of its owner. */
  all: boolean
  id: string
  /** Whoever ends sessions of a tenant ends none of the same person in another one. Undefined: of any tenant. */
  tenantId?: string | undefined
}

/**
 * @returns the ids of those that were ended
 * @throws KeyholdError `ERR_SESSION_NOT_FOUND`, `ERR_UNAUTHENTICATED`
 */
export function endSessions(
  store: Pick<Store, 'transaction'>,
  { all, id, tenantId }: EndRequest,
  actor: Actor,
): Promise<string[]> {
  return store.transaction(async (transaction) => {
    // Now, since whoever signs out ends his own.
    await transaction.confirmActor(actor)
    const session = (await transaction.sessions.findAll([id])).get(id)
    // A foreign session looks like one that never existed.
    if (session === undefined || (tenantId !== undefined && session.tenantId !== tenantId))
      throw new KeyholdError('ERR_SESSION_NOT_FOUND')
    const { owner } = session
    const which: Sessions = !all
      ? { id }
      : 'apiKeyId' in owner
        ? owner
        : { issuer: owner.issuer, subject: owner.subject }
    const ended = await transaction.sessions.end(which, { tenantId })
    transaction.audit({
      ...{ tenantId: session.tenantId, actor, action: 'session.end', targetId: id },
      details: {
        count: String(ended.length),
        owner: 'apiKeyId' in owner ? owner.apiKeyId : `${owner.issuer}#${owner.subject}`,
      },
    })
    return ended.map((each) => each.id)
  })
}
