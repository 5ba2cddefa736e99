// Deletes the cipherkeys of a data key, and describes them for its record. There is one for each version that people or
// age have made: few enough for one transaction.
import { KeyholdError } from '@keyhold/core'
import { createHash } from 'node:crypto'
import type { EndedCipherkey } from '../store/cipherkeys/cipherkey-ends.ts'
import type { TransactionStore } from '../store/store.ts'
import { addToCount, describeCipherkey, identityOf, maxListed } from './ended-cipherkeys.ts'

// Small enough not to hold the event loop for more than a few milliseconds.
const pageRows = 1_000

export interface EndedCipherkeys {
  /** The part of the record that describes them. */
  cipherkeys: { count: number; dataKeys: number; digest: string; listed: unknown[] }
  /** How many key names have ended. */
  keyNames: number
}

/**
 * @param dataKey - the name that its cipherkeys had when its destruction was scheduled
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when they have another one by now: somebody has exchanged names, and
 * nobody can tell which data key was meant
 */
export async function endCipherkeys(
  transaction: TransactionStore,
  tenantId: string,
  { keyName, dataKeyId }: { keyName: string; dataKeyId: string },
): Promise<EndedCipherkeys> {
  const hash = createHash('sha256')
  const listed: unknown[] = []
  let counted = { count: 0, dataKeys: 0, keyNames: 0 }
  let last: EndedCipherkey | undefined
  await transaction.cipherkeyEnds.readInOrder()
  for (;;) {
    const page = await transaction.cipherkeyEnds.deleteNext(tenantId, {
      dataKeyId,
      limit: pageRows,
      ...(last !== undefined && { after: last }),
    })
    if (page.length === 0) break
    if (page.some((cipherkey) => cipherkey.keyName !== keyName)) throw renamed(dataKeyId)
    counted = addToCount(counted, page, last)
    for (const cipherkey of page) hash.update(identityOf(cipherkey))
    listed.push(...page.slice(0, maxListed - listed.length).map(describeCipherkey))
    last = page.at(-1)
  }
  const { count, dataKeys, keyNames } = counted
  return { cipherkeys: { count, dataKeys, digest: hash.digest('hex'), listed }, keyNames }
}

function renamed(dataKeyId: string): KeyholdError {
  return new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `The data key ${dataKeyId} has another name than when its destruction was scheduled: it is not destroyed.`,
  })
}
