// The routes of drills for the loss of a region.
import { limits, type DrDrill as DrDrillBody, type DrDrillReport } from '@keyhold/contract'
import { getDrDrill, keepDrDrill, listDrDrills, type KeepDrDrillParts } from '../../health/keep-dr-drill.ts'
import type { OpenRecord } from '../../store/authentic/open-record.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { checkTenantId } from './operator-handlers.ts'
import { payloadOfJws } from '../wire/payload-of-jws.ts'

export function drDrillHandlers(
  parts: KeepDrDrillParts & { openRecord: OpenRecord },
): Pick<
  Handlers,
  | 'runDrDrill'
  | 'getDrDrill'
  | 'listDrDrills'
  | 'runDrDrillOfTenant'
  | 'getDrDrillOfTenant'
  | 'listDrDrillsOfTenant'
> {
  async function get(tenantId: string): Promise<DrDrillBody> {
    const { jws, report } = await getDrDrill(parts.store, parts.openRecord, tenantId)
    return drDrillWire(jws, report)
  }

  async function list(tenantId: string, query: { limit?: string; before?: string }) {
    const limit = query.limit === undefined ? limits.defaultDrillsPerPage : Number(query.limit)
    const page = { limit, before: query.before }
    const { drills, hasMore } = await listDrDrills(parts.store, parts.openRecord, tenantId, page)
    const next = hasMore ? drills.at(-1)?.id : undefined
    return {
      drills: drills.map(({ id, drill }) =>
        drill === undefined
          ? { id, tampered: true as const }
          : { id, ...drDrillWire(drill.jws, drill.report) },
      ),
      ...(next !== undefined && { next }),
    }
  }

  return {
    async listDrDrills({ tenantId, query }) {
      return { status: 200, body: await list(tenantId, query) }
    },
    async listDrDrillsOfTenant({ params, query }) {
      return { status: 200, body: await list(checkTenantId(params.tenantId), query) }
    },
    async runDrDrill(call) {
      const jws = await keepDrDrill(parts, call.tenantId, call.body.region, actorOf(call))
      return { status: 200, body: drDrillWire(jws) }
    },
    async getDrDrill({ tenantId }) {
      return { status: 200, body: await get(tenantId) }
    },
    async runDrDrillOfTenant(call) {
      const tenantId = checkTenantId(call.params.tenantId)
      return {
        status: 200,
        body: drDrillWire(await keepDrDrill(parts, tenantId, call.body.region, actorOf(call))),
      }
    },
    async getDrDrillOfTenant({ params }) {
      return { status: 200, body: await get(checkTenantId(params.tenantId)) }
    },
  }
}

// The signed report is shown as it is, in the form of the version that made it.
function drDrillWire(jws: string, report = payloadOfJws(jws)): DrDrillBody {
  return { jws, report: report as DrDrillReport }
}
