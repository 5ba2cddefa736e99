// Results of a doctor for people. Nothing in it is a secret, so that it can be pasted into a report.
import type { CheckResult } from '../doctor/checks.ts'
import { formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'

export interface Diagnosis {
  isHealthy: boolean
  checks: CheckResult[]
}

export const diagnosisView: View<Diagnosis> = {
  ids: ({ checks }) => checks.filter(({ status }) => status !== 'ok').map(({ name }) => name),
  text: ({ checks }) =>
    formatTable(
      ['RESULT', 'CHECK', 'SEEN'],
      checks.flatMap(({ status, name, seen, advice }) => [
        [status, name, seen],
        ...(advice === undefined ? [] : [['', '', `→ ${advice}`]]),
      ]),
    ),
}
