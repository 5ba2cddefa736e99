// Runs a drill and keeps its signed report until the tenant's next drill.
import { KeyholdError } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import type { Actor } from '../store/audits.ts'
import type { HoldSigner } from '../store/authentic/hold-signer.ts'
import type { OpenRecord } from '../store/authentic/open-record.ts'
import type { Store } from '../store/store.ts'
import { runDrDrill, type DrDrillParts } from './dr-drill.ts'

const type = 'keyhold/dr-drill/1'

export interface KeepDrDrillParts extends DrDrillParts {
  holdSigner: HoldSigner
}

export interface KeptDrDrill {
  /** The signed report, byte for byte. */
  jws: string
  report: Record<string, unknown>
}

/**
 * Drills a tenant and answers the signed report. A drill calls the tenant's KMSs, so that a replica runs one drill of a
 * tenant at a time and refuses others meanwhile.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_DRILL_RUNNING`, `ERR_SEALED`
 */
export async function keepDrDrill(
  parts: KeepDrDrillParts,
  tenantId: string,
  lostRegion: string | undefined,
  actor: Actor,
): Promise<string> {
  const { store, holdSigner } = parts
  if (running.has(tenantId)) throw new KeyholdError('ERR_DRILL_RUNNING')
  running.add(tenantId)
  try {
    const startedAt = store.clock.now().toISOString()
    const drill = await runDrDrill(parts, tenantId, lostRegion)
    const id = newId(store.clock.now())
    const completedAt = store.clock.now().toISOString()
    return await store.withFenceShared(tenantId, async (transaction, fence) => {
      if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      const sign = await holdSigner(transaction)
      const jws = sign({
        ...{ type, id, startedAt, completedAt, lostRegion: lostRegion ?? null },
        ...drill,
      })
      await transaction.drDrills.save({ tenantId, id, jws })
      const { passed, drCompliant } = drill
      transaction.audit({
        ...{ tenantId, actor, action: 'tenant.drill', targetId: tenantId },
        details: { drillId: id, passed: String(passed), drCompliant: String(drCompliant) },
      })
      return jws
    })
  } finally {
    running.delete(tenantId)
  }
}

const running = new Set<string>()

/**
 * The tenant's last drill.
 *
 * @throws KeyholdError `ERR_DRILL_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export async function getDrDrill(
  { drDrills }: Pick<Store, 'drDrills'>,
  openRecord: OpenRecord,
  tenantId: string,
): Promise<KeptDrDrill> {
  const row = await drDrills.find(tenantId)
  if (row === undefined) throw new KeyholdError('ERR_DRILL_NOT_FOUND')
  const report = await openRecord(
    row.jws,
    (payload) => payload.type === type && payload.id === row.id && payload.tenantId === tenantId,
  )
  return { jws: row.jws, report }
}
