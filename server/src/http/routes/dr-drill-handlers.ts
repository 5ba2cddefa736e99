// The routes of drills for the loss of a region.
import type { DrDrill as DrDrillBody, DrDrillReport } from '@keyhold/contract'
import { getDrDrill, keepDrDrill, type KeepDrDrillParts } from '../../health/keep-dr-drill.ts'
import type { OpenRecord } from '../../store/authentic/open-record.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { checkTenantId } from './operator-handlers.ts'
import { payloadOfJws } from '../wire/payload-of-jws.ts'

export function drDrillHandlers(
  parts: KeepDrDrillParts & { openRecord: OpenRecord },
): Pick<Handlers, 'runDrDrill' | 'getDrDrill' | 'runDrDrillOfTenant' | 'getDrDrillOfTenant'> {
  async function get(tenantId: string): Promise<DrDrillBody> {
    const { jws, report } = await getDrDrill(parts.store, parts.openRecord, tenantId)
    return drDrillWire(jws, report)
  }

  return {
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
