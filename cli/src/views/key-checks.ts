// The checks of a key for people.
import type { KeyChecks } from '@keyhold/client'
import { formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'

export const keyChecksView: View<KeyChecks> = {
  ids: ({ arnFingerPrint }) => (arnFingerPrint === undefined ? [] : [arnFingerPrint]),
  text: (result) =>
    [
      formatTable(
        ['REGION', 'CHECK', 'OUTCOME', 'DETAIL'],
        result.checks.map(({ region, check, outcome, message }) => [region, check, outcome, message]),
      ),
      ...verdictOf(result),
    ].join('\n'),
}

// A refusal is an error of the command, and reported as one.
function verdictOf({ accepted, registered, drCompliant }: KeyChecks): string[] {
  if (registered) return ['', 'The key is registered already.']
  if (!accepted) return []
  if (drCompliant === true) return ['', 'The key would be accepted.']
  return ['', 'The key would be accepted, but no other region can stand in for its own.']
}
