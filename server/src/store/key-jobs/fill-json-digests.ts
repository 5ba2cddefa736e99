// Puts the digests of JSON into rows of key jobs that lack them, or have others: when they are adopted. Whoever changes them
// here takes the MAC away, so that the row is shown to the operator.
import { isKeyholdError } from '@keyhold/core'
import type { Database } from '../database.ts'
import { valueOf } from '../json-column.ts'
import { changeJsonDigests } from './json-digests.ts'
import { readLastError, readVerification, readVerifiedTo } from './key-job-json.ts'

/** Call it under the tenant's fence, before its key jobs are shown and signed. */
export async function fillJsonDigests(db: Database, tenantId: string): Promise<void> {
  const rows = await db
    .selectFrom('key_jobs')
    .select(['id', 'last_error', 'verification', 'verified_to', 'json_digests'])
    .where('tenant_id', '=', tenantId)
    .orderBy('id')
    .forUpdate()
    .execute()
  for (const row of rows) {
    const digests = digestsIn(row)
    if (digests === undefined || isSame(digests, row.json_digests)) continue
    await db
      .updateTable('key_jobs')
      .set({ json_digests: digests, progress_mac: null })
      .where('id', '=', row.id)
      .execute()
  }
}

/** Undefined: a column does not have its form, and nothing is ever done with it. */
function digestsIn(row: {
  id: string
  last_error: unknown
  verification: unknown
  verified_to: unknown
}): Buffer | null | undefined {
  try {
    return changeJsonDigests(null, {
      lastError: valueOf(readLastError(row.last_error, row.id)) ?? null,
      verification: valueOf(readVerification(row.verification, row.id)) ?? null,
      verifiedTo: valueOf(readVerifiedTo(row.verified_to, row.id)) ?? null,
    })
  } catch (error) {
    if (isKeyholdError(error)) return undefined
    throw error
  }
}

function isSame(a: Buffer | null, b: Buffer | null): boolean {
  return a === null ? b === null : b !== null && a.equals(b)
}
