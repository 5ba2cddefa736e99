// Destroys single cipherkeys that do not open. A request names a thousand at most.
import { createHash } from 'node:crypto'
import type { DestructionRow } from '../store/destructions.ts'
import { valueOf } from '../store/json-column.ts'
import { destroyUnderFence } from './destroy-under-fence.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { addToCount, describeCipherkey, identityOf } from './ended-cipherkeys.ts'

/** Undefined: it cannot be done now. Cipherkeys that were brought under another tenant key version meanwhile stay. */
export function destroyCipherkeys(
  parts: RunDestructionsParts,
  due: DestructionRow,
): Promise<DestructionRow | undefined> {
  return destroyUnderFence(parts, due, async (transaction, { tenantId, cipherkeys }) => {
    const named = valueOf(cipherkeys)
    if (named === undefined) throw new TypeError('no cipherkeys are named')
    const ended = await transaction.cipherkeyEnds.deleteNamed(tenantId, named)
    const { count, dataKeys } = addToCount({ count: 0, dataKeys: 0, keyNames: 0 }, ended, undefined)
    const hash = createHash('sha256')
    for (const cipherkey of ended) hash.update(identityOf(cipherkey))
    return {
      cipherkeys: { count, dataKeys, digest: hash.digest('hex'), listed: ended.map(describeCipherkey) },
    }
  })
}
