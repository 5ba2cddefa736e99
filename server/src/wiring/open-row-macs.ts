// Tells of rows that are not as Keyhold wrote them.
import type { ErrorCode } from '@keyhold/core'
import type { Logger } from 'pino'
import { createTellings } from '../event-loop/tellings.ts'
import { createFaultRecords, type FaultRecords } from '../installation/fault-records.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import { createRowMacs, type FaultyRow, type RowMacs } from '../store/authentic/row-macs.ts'

const adoptAdvice = 'run "keyhold-server integrity adopt" once all replicas are of this version'

// A row that is read all the time is told of once in this time, and of many rows some.
const periodMs = 3_600_000
const mostOfTenant = 100

export interface ReportedRowMacs {
  macs: RowMacs
  /** The records of them in the audit trail. */
  records: FaultRecords
}

/**
 * MACs that count each faulty row, and log and record it at most once an hour. Nothing can be signed before the root key has
 * opened them, and nothing is recorded before the records are opened.
 */
export function createReportedRowMacs(
  logger: Logger,
  events: Pick<EventCounts, 'rowFaulty'>,
): ReportedRowMacs {
  const logged = createTellings({ periodMs, mostOfGroup: mostOfTenant })
  const outdated = createTellings({ periodMs, mostOfGroup: mostOfTenant })
  const failed = createTellings({ periodMs, mostOfGroup: mostOfTenant })
  const kindsWithUnsigned = new Set<string>()
  const records = createFaultRecords({
    onFailed(tenantId, error) {
      if (failed.ask('', tenantId ?? '') === 'no') return
      logger.warn({ err: error, tenantId }, 'faulty rows could not be recorded in the audit trail')
    },
  })
  const report = (row: FaultyRow) => {
    events.rowFaulty(row.table, row.fault)
    records.note(row)
    // Before the adoption of an older installation that may be every row.
    if (row.used && row.fault === 'unsigned') {
      if (kindsWithUnsigned.has(row.kind)) return
      kindsWithUnsigned.add(row.kind)
      tell(logger, row)
      return
    }
    const answer = logged.ask(row.tenantId ?? '', `${row.kind}/${row.key}`)
    if (answer === 'no') return
    tell(logger, row)
    if (answer === 'last') {
      logger.error(
        { tenantId: row.tenantId },
        `so many rows are faulty that no more are told of for a while: the metric keyhold_faulty_rows_total counts them, and "keyhold-server doctor --integrity" lists them`,
      )
    }
  }
  const macs = createRowMacs(report, {
    onOutdated(row, rootKeyId) {
      if (outdated.ask('', rootKeyId) === 'no') return
      logger.error(
        { ...row, rootKeyId, code: 'ERR_ROOT_KEY_OUTDATED' satisfies ErrorCode },
        'a row is authenticated under a root key that this replica does not hold, so that it is not ready: give it the root key file that the other replicas have',
      )
    },
  })
  return { macs, records }
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
