// Runs a drill and keeps its signed report until the tenant's next drill.
import { KeyholdError } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import type { Actor } from '../store/audits.ts'
import type { HoldSigner } from '../store/authentic/hold-signer.ts'
import { isRowFault } from '../store/authentic/row-faults.ts'
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

/** One of a list: undefined where Keyhold has not signed the stored report, or it is about another drill. */
export interface ListedDrDrill {
  id: string
  drill: KeptDrDrill | undefined
}

/** The newest first. @throws KeyholdError `ERR_SEALED` */
export async function listDrDrills(
  { drDrills }: Pick<Store, 'drDrills'>,
  openRecord: OpenRecord,
  tenantId: string,
  { limit, before }: { limit: number; before: string | undefined },
): Promise<{ drills: ListedDrDrill[]; hasMore: boolean }> {
  const rows = await drDrills.list(tenantId, limit + 1, before)
  const drills: ListedDrDrill[] = []
  for (const { id, jws } of rows.slice(0, limit)) {
    try {
      drills.push({ id, drill: { jws, report: await openRecord(jws, isAbout(id, tenantId)) } })
    } catch (error) {
      if (!isRowFault(error)) throw error
      drills.push({ id, drill: undefined })
    }
  }
  return { drills, hasMore: rows.length > limit }
}

function isAbout(id: string, tenantId: string) {
  return (payload: Readonly<Record<string, unknown>>): boolean =>
    payload.type === type && payload.id === id && payload.tenantId === tenantId
}

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
  const report = await openRecord(row.jws, isAbout(row.id, tenantId))
  return { jws: row.jws, report }
}
