// Holds the engine at a failpoint until the test lets it go on, so that no test has to guess how long it needs.
import type { Failpoint, FailpointName } from '../../../server/src/migration/engine/failpoint.ts'

export interface Hold {
  /** For `startTestServer`, which lets go when it stops. */
  readonly failpoint: Failpoint
  /** Resolves once the engine stands there. */
  readonly reached: Promise<void>
  /** Lets it go on; from then on the failpoint does nothing. */
  readonly release: () => void
}

/** @param hit - the time that the failpoint is passed at which it holds, counted from 1 */
export function holdAt(name: FailpointName, hit = 1): Hold {
  const reached = Promise.withResolvers<undefined>()
  const released = Promise.withResolvers<undefined>()
  let passed = 0
  return {
    async failpoint(at) {
      if (at !== name || ++passed !== hit) return
      reached.resolve(undefined)
      await released.promise
    },
    reached: reached.promise,
    release: () => {
      released.resolve(undefined)
    },
  }
}
