// The only way back for a row whose MAC fails: an operator who has looked at it has it signed as it is.
import { sql } from 'kysely'
import { commandActor } from '../audits.ts'
import type { Store } from '../store.ts'
import type { ManifestKind } from './manifest.ts'
import type { SteeringRow } from './steering-rows.ts'
import { steeringKinds, type SteeringKind } from './steering-kinds.ts'

const inManifest: ReadonlySet<SteeringKind> = new Set<ManifestKind>([
  'tenantKey',
  'keyProvider',
  'keyJobTerms',
  'destruction',
  'minimumVersion',
])

/**
 * Signs a row and records it. Where the fence of its tenant was right before, it stays right: it states the MACs of such rows.
 *
 * @param shown - the row as the operator has seen it
 * @returns whether it was accepted; false: it is not as it was shown any more
 */
export async function acceptRow(store: Pick<Store, 'transaction'>, shown: SteeringRow): Promise<boolean> {
  const { kind, key, tenantId } = shown
  return store.transaction(async (transaction) => {
    const { handle, steeringRows } = transaction
    const isOfFence = inManifest.has(kind) || kind === 'fence'
    if (isOfFence && tenantId !== undefined) {
      await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
    }
    const fence = inManifest.has(kind) && tenantId !== undefined ? [tenantId] : undefined
    const wasRight = fence && (await steeringRows.find('fence', fence))?.fault === undefined
    const digest = steeringRows.digestOf(shown)
    const isSigned = await steeringRows.signOne(kind, key, (row) => steeringRows.digestOf(row) === digest)
    if (!isSigned) return false
    // It is incomplete by this very row.
    if (fence && wasRight === true) await steeringRows.signOne('fence', fence, () => true)
    transaction.audit({
      tenantId,
      actor: commandActor,
      action: 'integrity.accept',
      targetId: `${steeringKinds[kind].table}/${key.join('/')}`,
      details: { kind, fault: shown.fault ?? '' },
    })
    return true
  })
}
