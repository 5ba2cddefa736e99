// Destroys single cipherkeys that do not open. A request names a thousand at most.
import { createHash } from 'node:crypto'
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import { valueOf } from '../store/json-column.ts'
import { auditKept } from './audit-destruction.ts'
import { destroyUnderFence } from './destroy-under-fence.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { addToCount, describeCipherkey, identityOf } from './ended-cipherkeys.ts'
import { findOpeningCipherkeys, nameOf } from './find-opening-cipherkeys.ts'

/**
 * Undefined: it cannot be done now. Cipherkeys that were brought under another tenant key version meanwhile stay, and so do
 * those that open again: no key job holds them for unreadable any more.
 *
 * @throws what `findOpeningCipherkeys` throws
 */
export async function destroyCipherkeys(
  parts: RunDestructionsParts,
  due: DestructionRow,
): Promise<DestructionRow | undefined> {
  const asked = valueOf(due.cipherkeys)
  if (asked === undefined) throw new TypeError('no cipherkeys are named')
  const before = await parts.store.tenants.findFence(due.tenantId)
  // Outside the fence, as a KMS is asked.
  const opening = await findOpeningCipherkeys(parts, due.tenantId, asked)
  const kept = new Set(opening.map(nameOf))
  return destroyUnderFence(parts, due, async (transaction, destruction, fence) => {
    // A key job has begun or ended since they were tried, and may have wrapped them anew: they are tried again.
    if (fence.epoch !== before?.epoch) return undefined
    const { tenantId, cipherkeys } = destruction
    const named = valueOf(cipherkeys)
    if (named === undefined) throw new TypeError('no cipherkeys are named')
    const dead = named.filter((each) => !kept.has(nameOf(each)))
    const ended = await transaction.cipherkeyEnds.deleteNamed(tenantId, dead)
    for (const { keyJobId, count } of await transaction.cipherkeyEnds.forgetOpening(tenantId, opening))
      await transaction.keyJobs.countOff(keyJobId, count)
    if (opening.length > 0) auditKept(transaction, destruction, opening.length, systemActor)
    const { count, dataKeys } = addToCount({ count: 0, dataKeys: 0, keyNames: 0 }, ended, undefined)
    const hash = createHash('sha256')
    for (const cipherkey of ended) hash.update(identityOf(cipherkey))
    return {
      cipherkeys: { count, dataKeys, digest: hash.digest('hex'), listed: ended.map(describeCipherkey) },
      ...(opening.length > 0 && { kept: { count: opening.length, listed: opening } }),
    }
  })
}
