// The operator's routes about tenants.
import { tenantIdPattern, type Tenant } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { createTenant, type CreateTenantParts } from '../../access/create-tenant.ts'
import { deleteTenant } from '../../destruction/delete-tenant.ts'
import type { TenantRow } from '../../store/tenants.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { cutPage, pageOf } from '../wire/page-wire.ts'
import { wireSeconds } from '../wire/wire-time.ts'

const tenantIdForm = new RegExp(tenantIdPattern)

export interface OperatorParts extends CreateTenantParts {
  callers: {
    /** Receives the id of a tenant that is deleted. */
    endTenant: (tenantId: string) => void
  }
}

export function operatorHandlers(
  parts: OperatorParts,
): Pick<Handlers, 'createTenant' | 'listTenants' | 'getTenant' | 'deleteTenant'> {
  const { store, callers } = parts
  return {
    async createTenant(call) {
      const { id, name } = call.body
      return { status: 201, body: tenantWire(await createTenant(parts, { id, name }, actorOf(call))) }
    },

    async listTenants({ query }) {
      const page = pageOf(query)
      const { dueAt, rows, next } = await store.readSnapshot(async (snapshot) => {
        const cut = cutPage(await snapshot.tenants.list(page), page)
        return { ...cut, dueAt: await snapshot.destructions.listTenantsDueAt(cut.rows.map(({ id }) => id)) }
      })
      const tenants = rows.map((row) => tenantWire(row, dueAt.get(row.id)))
      return { status: 200, body: { tenants, ...next } }
    },

    async getTenant({ params }) {
      const tenantId = checkTenantId(params.tenantId)
      const { row, dueAt } = await store.readSnapshot(async (snapshot) => ({
        row: await snapshot.tenants.find(tenantId),
        dueAt: await snapshot.destructions.listTenantsDueAt([tenantId]),
      }))
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      return { status: 200, body: tenantWire(row, dueAt.get(tenantId)) }
    },

    async deleteTenant(call) {
      const tenantId = checkTenantId(call.params.tenantId)
      await deleteTenant(store, tenantId, actorOf(call))
      callers.endTenant(tenantId)
      return { status: 204, body: null }
    },
  }
}

export function checkTenantId(tenantId: string): string {
  if (!tenantIdForm.test(tenantId)) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  return tenantId
}

function tenantWire(row: TenantRow, deletionDueAt?: Date): Tenant {
  return {
    id: row.id,
    name: row.name,
    createdAt: wireSeconds(row.createdAt),
    ...(deletionDueAt !== undefined && { deletionDueAt: deletionDueAt.toISOString() }),
  }
}
