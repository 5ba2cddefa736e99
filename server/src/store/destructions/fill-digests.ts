// Puts the digests of JSON into rows of destructions that lack them: when they are adopted.
import { isKeyholdError } from '@keyhold/core'
import type { Database } from '../database.ts'
import { valueOf } from '../json-column.ts'
import { destructionColumns, namedCipherkeysDigest, readCipherkeys } from './destruction-row.ts'
import { readState, stateDigest } from './tenant-deletion-state.ts'

/** Call it under the tenant's fence, before its destructions are signed. */
export async function fillDigests(db: Database, tenantId: string): Promise<void> {
  const rows = await db
    .selectFrom('destructions')
    .select([...destructionColumns, 'progress', 'described'])
    .where('tenant_id', '=', tenantId)
    .where((eb) => eb.or([eb('cipherkeys', 'is not', null), eb('begun_at', 'is not', null)]))
    .orderBy('id')
    .forUpdate()
    .execute()
  for (const row of rows) {
    // The cipherkeys that a destruction names never change. How far a deletion has come may have been written by another version.
    if (row.cipherkeys !== null && row.cipherkeys_digest !== null) continue
    const digest = digestIn(row)
    if (digest === undefined || row.cipherkeys_digest?.equals(digest) === true) continue
    await db.updateTable('destructions').set({ cipherkeys_digest: digest }).where('id', '=', row.id).execute()
  }
}

/** Undefined: a column does not have its form, and nothing is ever done with it. */
function digestIn(row: {
  id: string
  cipherkeys: unknown
  progress: unknown
  described: unknown
}): Buffer | undefined {
  try {
    const named = valueOf(readCipherkeys(row.cipherkeys, row.id))
    return named === undefined ? stateDigest(readState(row)) : namedCipherkeysDigest(named)
  } catch (error) {
    if (isKeyholdError(error)) return undefined
    throw error
  }
}
