// The loop: a number of operations a second, evenly spaced, each taken by the next free hand. When all hands are busy the
// load waits; operations that were not sent in time are counted and left out.
import { setTimeout as pause } from 'node:timers/promises'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import type { LoadTenant } from './load-tenant.ts'
import { failureCauseOf } from './operation-failure.ts'
import { kindAt } from './operations.ts'
import type { Tally } from './tally.ts'

export interface DriveParts {
  url: string
  tenants: readonly LoadTenant[]
  random: SeededRandom
  tally: Tally
  fetch: typeof fetch
  operationsPerSecond: number
  endMs: number
}

// Far more than the usual rate needs, and few enough that a server that stalled meets no flood when it is back.
const hands = 32
const longestLagMs = 500

/**
 * Runs until the end, or until the first wrong value.
 *
 * @returns how many operations were left out because all hands were busy
 * @throws WrongValue, and mistakes of this program
 */
export async function drive(parts: DriveParts): Promise<number> {
  const everyMs = 1_000 / parts.operationsPerSecond
  let dueMs = performance.now()
  let leftOut = 0
  let failed = false

  async function hand(): Promise<void> {
    while (!failed) {
      const nowMs = performance.now()
      const lateMs = nowMs - dueMs
      if (lateMs > longestLagMs) {
        const missed = Math.floor(lateMs / everyMs)
        leftOut += missed
        dueMs += missed * everyMs
      }
      const startMs = dueMs
      dueMs += everyMs
      if (startMs >= parts.endMs) return
      if (startMs > nowMs) await pause(startMs - nowMs)
      await operate(parts)
    }
  }

  await Promise.all(
    Array.from({ length: hands }, () =>
      hand().catch((error: unknown) => {
        failed = true
        throw error
      }),
    ),
  )
  return leftOut
}

async function operate({ url, tenants, random, tally, fetch }: DriveParts): Promise<void> {
  const kind = kindAt(random.next())
  const tenant = random.pick(tenants)
  const count = (side: 'server' | 'local', values: number): void => {
    tally.dataOperations[side] += values
  }
  const startMs = performance.now()
  try {
    await kind.run({ tenant, random, url, fetch, count })
    tally.succeeded(kind.name, performance.now() - startMs)
  } catch (error) {
    const cause = failureCauseOf(error)
    if (cause === undefined) throw error
    tally.failed(kind.name, cause.code, {
      startMs,
      endMs: performance.now(),
      isUnanswered: cause.isUnanswered,
    })
  }
}
