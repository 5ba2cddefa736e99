// Tells of rows that are not as Keyhold wrote them.
import type { ErrorCode } from '@keyhold/core'
import type { Logger } from 'pino'
import type { EventCounts } from '../metrics/event-counts.ts'
import { createRowMacs, type FaultyRow, type RowMacs } from '../store/authentic/row-macs.ts'

const adoptAdvice = 'run "keyhold-server integrity adopt" once all replicas are of this version'

// A row that is read all the time is told of once in this time, and of many rows some.
const repeatMs = 3_600_000
const maxRemembered = 10_000

/** MACs that count each faulty row and log it at most once an hour. Nothing can be signed before the root key has opened them. */
export function createReportedRowMacs(logger: Logger, events: Pick<EventCounts, 'rowFaulty'>): RowMacs {
  const isDue = onceIn(repeatMs)
  const kindsWithUnsigned = new Set<string>()
  const report = (row: FaultyRow) => {
    events.rowFaulty(row.table, row.fault)
    // Before the adoption of an older installation that may be every row.
    if (row.used && row.fault === 'unsigned') {
      if (kindsWithUnsigned.has(row.kind)) return
      kindsWithUnsigned.add(row.kind)
      tell(logger, row)
    } else if (isDue(`${row.kind}/${row.key}`)) {
      tell(logger, row)
    }
  }
  return createRowMacs(report, {
    onOutdated(row, rootKeyId) {
      if (!isDue(rootKeyId)) return
      logger.error(
        { ...row, rootKeyId, code: 'ERR_ROOT_KEY_OUTDATED' satisfies ErrorCode },
        'a row is authenticated under a root key that this replica does not hold, so that it is not ready: give it the root key file that the other replicas have',
      )
    },
  })
}

/** Answers whether something is to be told of that was not told of for a while. */
function onceIn(periodMs: number): (name: string) => boolean {
  const toldAtMs = new Map<string, number>()
  return (name) => {
    const nowMs = performance.now()
    if (nowMs - (toldAtMs.get(name) ?? Number.NEGATIVE_INFINITY) < periodMs) return false
    if (toldAtMs.size >= maxRemembered) toldAtMs.clear()
    toldAtMs.set(name, nowMs)
    return true
  }
}

function tell(logger: Logger, { kind, table, key, fault, used }: FaultyRow): void {
  const facts = { kind, table, key, fault }
  if (!used) {
    logger.error(facts, 'a row of the database is not as Keyhold wrote it: nothing follows from it')
  } else if (fault !== 'unsigned') {
    logger.warn(facts, `a row of the database is not as Keyhold wrote it, and is used: ${adoptAdvice}`)
  } else {
    logger.warn(
      { kind, table },
      `rows of this kind have no MAC and are used, of which this is told once: ${adoptAdvice}`,
    )
  }
}
