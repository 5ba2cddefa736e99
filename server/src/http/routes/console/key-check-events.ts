// The stream of the checks of a key: each event has all that were made so far, and the last one the result. The checks go on when nobody
// reads any more: each call to the KMS has its own end.
import type { KeyCheckProgress } from '@keyhold/contract'
import type { KeyCheck } from '@keyhold/core'
import { startKeyCheck, type CheckedKey, type StartKeyCheckParts } from '../../../providers/check-key.ts'
import type { EventHandlers } from '../../server/handler.ts'
import { keyCheckWire, oneCheckWire } from '../../wire/key-check-wire.ts'

export function keyCheckEventHandlers(parts: StartKeyCheckParts): Pick<EventHandlers, 'watchKeyChecks'> {
  return {
    async watchKeyChecks({ tenantId, body }) {
      const made: KeyCheck[] = []
      // A wrong request is refused here, before the stream begins.
      const finish = await startKeyCheck(parts, tenantId, body, (check) => made.push(check))
      const finished = finish()
      let checked: CheckedKey | undefined
      finished.then(
        (all) => {
          checked = all
        },
        // The stream hears of it with its next look.
        () => undefined,
      )
      return async () => {
        // It waits for nothing that is not there.
        await Promise.race([finished, Promise.resolve()])
        const result = checked === undefined ? undefined : keyCheckWire(checked)
        const data: KeyCheckProgress = {
          checks: result?.checks ?? made.map(oneCheckWire),
          ...(result !== undefined && { result }),
        }
        return { data, mark: `${made.length} ${result !== undefined}`, isLast: result !== undefined }
      }
    },
  }
}
