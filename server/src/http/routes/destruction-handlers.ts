// The routes of destructions. A tenant's admin destroys data keys, the operator destroys tenants.
import { limits, type DestructionWithRecord } from '@keyhold/contract'
import { cancelDataKeyDestruction, cancelTenantDestruction } from '../../destruction/cancel-destruction.ts'
import { getDestruction, openDestructionRecord } from '../../destruction/get-destruction.ts'
import {
  scheduleDataKeyDestruction,
  scheduleFailureDestruction,
  scheduleTenantDestruction,
} from '../../destruction/schedule-destruction.ts'
import type { OpenRecord } from '../../store/authentic/open-record.ts'
import type { Store } from '../../store/store.ts'
import { actorOf } from '../wire/actor-of.ts'
import { destructionWire } from '../wire/destruction-wire.ts'
import type { Handlers } from '../server/handler.ts'
import { checkTenantId } from './operator-handlers.ts'

export function destructionHandlers({
  store,
  openRecord,
}: {
  store: Store
  openRecord: OpenRecord
}): Pick<
  Handlers,
  | 'destroyDataKey'
  | 'destroyMigrationFailures'
  | 'listDestructions'
  | 'getDestruction'
  | 'cancelDestruction'
  | 'scheduleTenantDeletion'
  | 'cancelTenantDeletion'
  | 'listAllDestructions'
  | 'getAnyDestruction'
> {
  async function list(tenantId: string | undefined, query: { limit?: string; before?: string }) {
    const limit = query.limit === undefined ? limits.defaultDestructionsPerPage : Number(query.limit)
    const rows = await store.destructions.list(tenantId, limit + 1, query.before)
    const destructions = rows.slice(0, limit).map(destructionWire)
    const next = rows.length > limit ? destructions.at(-1)?.id : undefined
    return { destructions, ...(next !== undefined && { next }) }
  }

  async function withRecord(tenantId: string | undefined, id: string): Promise<DestructionWithRecord> {
    const { row, jws } = await store.readSnapshot(async (snapshot) => {
      const row = await getDestruction(snapshot, tenantId, id)
      return { row, jws: await snapshot.destructions.findRecord(row.id) }
    })
    return {
      ...destructionWire(row),
      ...(jws !== undefined && { jws, record: await openDestructionRecord(openRecord, row, jws) }),
    }
  }

  return {
    async destroyDataKey(call) {
      const request = { keyName: call.params.keyName, inDays: call.body.inDays }
      const row = await scheduleDataKeyDestruction(store, call.tenantId, request, actorOf(call))
      return { status: 200, body: destructionWire(row) }
    },

    async destroyMigrationFailures(call) {
      const { failures, inDays } = call.body
      const request = { keyJobId: call.params.migrationId, failures, inDays }
      const row = await scheduleFailureDestruction(store, call.tenantId, request, actorOf(call))
      return { status: 200, body: destructionWire(row) }
    },

    async listDestructions({ tenantId, query }) {
      return { status: 200, body: await list(tenantId, query) }
    },

    async getDestruction({ tenantId, params }) {
      return { status: 200, body: await withRecord(tenantId, params.destructionId) }
    },

    async cancelDestruction(call) {
      const { tenantId, params } = call
      const row = await cancelDataKeyDestruction(store, tenantId, params.destructionId, actorOf(call))
      return { status: 200, body: destructionWire(row) }
    },

    async scheduleTenantDeletion(call) {
      const tenantId = checkTenantId(call.params.tenantId)
      const { inDays } = call.body
      const row = await scheduleTenantDestruction(store, tenantId, { inDays }, actorOf(call))
      return { status: 200, body: destructionWire(row) }
    },

    async cancelTenantDeletion(call) {
      const row = await cancelTenantDestruction(store, checkTenantId(call.params.tenantId), actorOf(call))
      return { status: 200, body: destructionWire(row) }
    },

    async listAllDestructions({ query }) {
      return { status: 200, body: await list(query.tenantId, query) }
    },

    async getAnyDestruction({ params }) {
      return { status: 200, body: await withRecord(undefined, params.destructionId) }
    },
  }
}
