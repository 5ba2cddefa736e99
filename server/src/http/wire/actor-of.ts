// The actor that the audit trail names for a call.
import type { RouteId } from '@keyhold/contract'
import type { Actor } from '../../store/audits.ts'
import type { Call } from '../server/handler.ts'

export function actorOf({
  caller: { kind, id, role, tenantId, tokenId, scopeTexts },
  traceId,
  origin,
}: Pick<Call<RouteId>, 'caller' | 'traceId' | 'origin'>): Actor {
  return {
    ...{ id, role, traceId },
    origin: { ...origin(), ...(tokenId !== undefined && { tokenId }) },
    ...(kind !== 'api-key' && { granted: { tenantId, scopes: scopeTexts } }),
  }
}
