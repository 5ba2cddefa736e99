// An audit trail against the rows that it tells of, and its chains against themselves.
import { auditChainStart, auditHash } from '@keyhold/core'
import { integrityStatement } from '../../src/store/integrity-faults.ts'
import type { Store } from '../../src/store/store.ts'

/**
 * Answers what is wrong, a line each.
 *
 * @param runSql - runs one statement, and answers its rows
 */
export async function findAuditFaults(
  runSql: (statement: string) => Promise<Record<string, unknown>[]>,
): Promise<string[]> {
  const faults = await runSql(integrityStatement)
  // Stores of tests have claimed a root key, and nobody signs there.
  return faults.filter(({ code }) => code !== 'SIGNING_KEY_MISSING').map(({ message }) => String(message))
}

/** Answers the first record of a chain, by its sequence, whose hash is not right; undefined: all are. */
export async function findBrokenRecord(
  { audits }: Pick<Store, 'audits'>,
  tenantId: string | undefined,
): Promise<number | undefined> {
  let previous = auditChainStart
  let expected = 1
  for (const { hash, ...record } of await audits.list(tenantId, { after: 0, limit: 100_000 })) {
    if (record.sequence !== expected || !auditHash(previous, record).equals(hash)) return expected
    previous = hash
    expected += 1
  }
  const head = await audits.findHead(tenantId)
  return head === undefined || (head.sequence === expected - 1 && head.hash.equals(previous))
    ? undefined
    : expected
}
