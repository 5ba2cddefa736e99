// The operator's routes about tenants.
import { tenantIdPattern, type Tenant, type TenantStatus } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { createTenant, type CreateTenantParts } from '../../access/create-tenant.ts'
import { deleteTenant } from '../../destruction/delete-tenant.ts'
import type { SnapshotStore } from '../../store/store.ts'
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
      const search = { prefix: query.search, state: query.state }
      const { dueAt, rows, next, statusOf } = await store.readSnapshot(async (snapshot) => {
        const cut = cutPage(await snapshot.tenants.list(page, search), page)
        const ids = cut.rows.map(({ id }) => id)
        const dueAt = await snapshot.destructions.listTenantsDueAt(ids)
        const statusOf = query.status === 'true' ? await readStatus(snapshot, ids) : undefined
        return { ...cut, dueAt, statusOf }
      })
      const tenants = rows.map((row) => ({
        ...tenantWire(row, dueAt.get(row.id)),
        ...(statusOf !== undefined && { status: statusOf(row.id) }),
      }))
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

/** Reads what a list says of these tenants besides, a few statements for all of them. */
async function readStatus(
  snapshot: SnapshotStore,
  ids: readonly string[],
): Promise<(id: string) => TenantStatus> {
  const states = await snapshot.tenantStates.list(ids)
  const closed = await snapshot.guards.listClosed(ids, new Set())
  const [locked, faulty] = [new Set(closed.locked), new Set(closed.faulty)]
  const jobs = new Map((await snapshot.keyJobs.listLiveOf(ids)).map((job) => [job.tenantId, job]))
  return (id) => {
    const { currentKey, keyState, isTampered = true } = states.get(id) ?? {}
    const job = jobs.get(id)
    return {
      locked: locked.has(id),
      ...(currentKey !== undefined && {
        currentKey: {
          ...{ arnFingerPrint: currentKey.fingerprint, name: currentKey.name },
          internal: currentKey.isInternal,
        },
      }),
      ...(keyState !== undefined && { keyState }),
      ...(job !== undefined && { keyJob: { id: job.id, kind: job.kind, phase: job.phase } }),
      ...((isTampered || faulty.has(id)) && { tampered: true as const }),
    }
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
