// The actor that the audit trail names for a call.
import type { RouteId } from '@keyhold/contract'
import type { Actor } from '../../store/audits.ts'
import type { Call } from '../server/handler.ts'

export function actorOf({
  caller: { kind, id, name, role, tenantId, tokenId, scopeTexts, session },
  traceId,
  origin,
}: Pick<Call<RouteId>, 'caller' | 'traceId' | 'origin'>): Actor {
  return {
    ...{ id, role, traceId },
    origin: {
      ...origin(),
      ...(tokenId !== undefined && { tokenId }),
      ...(session !== undefined && { sessionId: session.id }),
      ...(kind === 'person' && name !== undefined && { actorName: name }),
    },
    ...(session !== undefined && { sessionId: session.id }),
    ...(kind !== 'api-key' && { granted: { tenantId, scopes: scopeTexts } }),
  }
}
