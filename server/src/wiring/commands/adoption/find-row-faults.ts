// Rows that steer and that are not as Keyhold wrote them, as faults of the database.
import { surveyRows } from '../../../installation/adoption/survey-rows.ts'
import { adoptedKinds } from '../../../store/authentic/adopt-rows.ts'
import type { SteeringRow } from '../../../store/authentic/steering-rows.ts'
import { steeringKinds, type SteeringKind } from '../../../store/authentic/steering-kinds.ts'
import type { IntegrityFault } from '../../../store/integrity-faults.ts'
import type { Store } from '../../../store/store.ts'
import { fullRowFacts } from './steering-row-line.ts'

const codes: Record<NonNullable<SteeringRow['fault']>, IntegrityFault['code']> = {
  unsigned: 'ROW_UNSIGNED',
  forged: 'ROW_FORGED',
  missing: 'ROWS_INCOMPLETE',
  older: 'ROWS_INCOMPLETE',
  incomplete: 'ROWS_INCOMPLETE',
  outdated: 'ROW_OUTDATED',
}

const checkedKinds: readonly SteeringKind[] = [...adoptedKinds, 'session', 'setupLink', 'audit']

export interface RowFaults {
  faults: IntegrityFault[]
  /** Rows that the adoption will sign: before it they are none. */
  toAdopt: number
}

export async function findRowFaults(store: Store): Promise<RowFaults> {
  const faults: IntegrityFault[] = []
  let toAdopt = 0
  const isAdopted = store.macs.requiresMacs()
  await surveyRows(store, checkedKinds, (row) => {
    const { kind, key, tenantId, fault } = row
    if (fault === undefined) return
    // Records from before the adoption have none: their chain covers them.
    if (kind === 'audit' && fault === 'unsigned') return
    if (isAdopted || fault === 'outdated') {
      const { table } = steeringKinds[kind]
      faults.push({ code: codes[fault], table, tenantId, id: key.join('/'), message: fullRowFacts(row) })
    } else {
      toAdopt += 1
    }
  })
  return { faults, toAdopt }
}
