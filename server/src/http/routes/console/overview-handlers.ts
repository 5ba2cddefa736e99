// The overview of a tenant, as of one moment; and the stream of what happens to it.
import { KeyholdError } from '@keyhold/core'
import { whoseTurn } from '../../../health/whose-turn.ts'
import { parseDayRange } from '../../../providers/day-range.ts'
import { readKeyLight, type KeyLight } from '../../../providers/key-light.ts'
import type { KeyProviderRow, ShownKeyProvider } from '../../../store/key-providers/key-provider-row.ts'
import type { SnapshotStore, Store } from '../../../store/store.ts'
import type { EventHandlers, Handlers } from '../../server/handler.ts'
import { auditWire } from '../../wire/audit-wire.ts'
import { destructionWire } from '../../wire/destruction-wire.ts'
import { kmsUsageSummaryWire } from '../../wire/kms-usage-wire.ts'
import { formerKeysWire, neededKeys, overviewKeyWire, turnWire } from '../../wire/overview-wire.ts'
import { wireOne } from '../key-job-handlers.ts'
import { readLock } from '../lock-handlers.ts'

export interface OverviewHandlerParts {
  store: Store
  /** The price of 10,000 requests in millionths of a dollar. */
  kmsMicroUsdPer10000: number
}

export function overviewHandlers({
  store,
  kmsMicroUsdPer10000,
}: OverviewHandlerParts): Pick<Handlers, 'getOverview'> {
  async function read(snapshot: SnapshotStore, tenantId: string) {
    const tenant = await snapshot.tenants.find(tenantId)
    if (tenant === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const shown = await snapshot.keyProviders.listShown(tenantId)
    const job = await snapshot.keyJobs.findLive(tenantId)
    return {
      ...{ tenant, shown },
      health: await snapshot.keyHealth.list(tenantId),
      versions: await snapshot.tenantKeys.list(tenantId),
      guard: await snapshot.guards.find(tenantId),
      lock: await readLock(snapshot, tenantId),
      lights: await readLights(snapshot, tenantId, shown),
      keyJob: job && (await wireOne(snapshot, job)),
      nextDestruction: await snapshot.destructions.findNextOpen(tenantId),
      usage: await snapshot.kmsUsage.listOfTenant(tenantId, parseDayRange({}, store.clock.now())),
    }
  }

  return {
    async getOverview({ tenantId }) {
      const now = store.clock.now()
      const all = await store.readSnapshot((snapshot) => read(snapshot, tenantId))
      const { tenant, shown, health, versions, guard, lock, lights, keyJob, nextDestruction, usage } = all
      const providers = shown.filter(isWhole)
      const range = parseDayRange({}, now)
      return {
        status: 200,
        body: {
          tenant: { id: tenant.id, name: tenant.name },
          generatedAt: now.toISOString(),
          turn: turnWire(whoseTurn(guard?.lock, neededKeys(providers, versions, health))),
          keys: shown.map((row) => overviewKeyWire(row, health, lights.get(row.fingerprint))),
          formerKeys: formerKeysWire(providers, versions),
          lock,
          ...(keyJob !== undefined && { keyJob }),
          ...(nextDestruction !== undefined && { nextDestruction: destructionWire(nextDestruction) }),
          month: { ...range, ...kmsUsageSummaryWire(usage, kmsMicroUsdPer10000) },
        },
      }
    },
  }
}

function isWhole(row: ShownKeyProvider): row is KeyProviderRow {
  return row.isTampered !== true
}

async function readLights(
  snapshot: SnapshotStore,
  tenantId: string,
  shown: readonly ShownKeyProvider[],
): Promise<Map<string, KeyLight>> {
  const lights = new Map<string, KeyLight>()
  for (const { fingerprint, kms } of shown.filter(isWhole)) {
    if (kms === 'aws') lights.set(fingerprint, await readKeyLight(snapshot, tenantId, fingerprint))
  }
  return lights
}

const recordsPerLook = 100

/**
 * The stream of a tenant's new audit records. Each event has the sequence of its record for an id. Who comes back says the last one that
 * was seen, and misses none.
 */
export function tenantEventHandlers({ store }: { store: Store }): Pick<EventHandlers, 'watchTenant'> {
  return {
    async watchTenant({ tenantId, query, lastEventId }) {
      const head = (await store.audits.findHead(tenantId))?.sequence ?? 0
      const asked = sequenceOf(lastEventId) ?? sequenceOf(query.after) ?? head
      // Whoever names one that is not there yet would wait for ever.
      let after = Math.min(asked, head)
      return async () => {
        const rows = await store.audits.list(tenantId, { after, limit: recordsPerLook })
        after = rows.at(-1)?.sequence ?? after
        const events = rows.map((row) => ({
          id: String(row.sequence),
          data: { ...auditWire(row), ...(row.mac === 'wrong' && { forged: true }) },
        }))
        return { begin: String(after), events, isLast: false }
      }
    },
  }
}

function sequenceOf(text: string | undefined): number | undefined {
  return text !== undefined && /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : undefined
}
