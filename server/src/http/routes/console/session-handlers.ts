// The route that tells a caller who it is.
import { permissionsOf, type Session } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { Caller } from '../../../access/caller.ts'
import { hasPermission } from '../../../access/scopes.ts'
import { sessionLimits } from '../../../store/sessions/sessions.ts'
import type { Store } from '../../../store/store.ts'
import type { Handlers } from '../../server/handler.ts'

export interface SessionHandlerParts {
  store: Store
  features: Session['features']
}

export function sessionHandlers({ store, features }: SessionHandlerParts): Pick<Handlers, 'getSession'> {
  /** @param tenantId - undefined: an operator */
  async function sessionOf(caller: Caller, tenantId: string | undefined): Promise<Session> {
    const { row, tenant } = await store.readSnapshot(async (snapshot) => ({
      row: caller.kind === 'api-key' ? await snapshot.apiKeys.find(caller.id) : undefined,
      tenant: tenantId === undefined ? undefined : await snapshot.tenants.find(tenantId),
    }))
    if (tenantId !== undefined && tenant === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const { kind, id, role, session } = caller
    const { name = '', scopes } = row ?? { name: caller.name, scopes: caller.scopeTexts }
    return {
      caller: {
        ...{ kind, id, role },
        ...(name !== '' && { name }),
        ...(scopes !== undefined && { scopes: [...scopes] }),
        ...(row?.expiresAt !== undefined && { expiresAt: row.expiresAt.toISOString() }),
      },
      permissions: permissionsOf(role).filter((each) => hasPermission(caller.scopes, each)),
      ...(tenant !== undefined && { tenant: { id: tenant.id, name: tenant.name } }),
      ...(session !== undefined && {
        session: {
          ...{ id: session.id, kind: session.kind, idleSeconds: sessionLimits.idleMs / 1_000 },
          ...{ signedInAt: session.signedInAt.toISOString(), endsAt: session.endsAt.toISOString() },
        },
      }),
      features,
      now: store.clock.now().toISOString(),
    }
  }

  return {
    async getSession({ caller, tenantId }) {
      return { status: 200, body: await sessionOf(caller, tenantId) }
    },
  }
}
