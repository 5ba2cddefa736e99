// Checks of a doctor: each looks at one thing, changes nothing, and has its own time. One that fails keeps none of the others from
// being made.
import { setTimeout as sleep } from 'node:timers/promises'
import { isKeyholdError } from '@keyhold/core'
import { wordsOfPostgres } from '../../../driver/words-of-postgres.ts'

export interface Finding {
  status: 'ok' | 'warn' | 'fail'
  seen: string
  /** The next step; absent where nothing is to do. */
  advice?: string
}

export interface Check {
  name: string
  /** Undefined: there is nothing to look at. */
  look: () => Promise<Finding | undefined>
}

export interface CheckResult extends Finding {
  name: string
}

const limitMs = 8_000

export function ok(seen: string): Finding {
  return { status: 'ok', seen }
}

export function warn(seen: string, advice: string): Finding {
  return { status: 'warn', seen, advice }
}

export function fail(seen: string, advice: string): Finding {
  return { status: 'fail', seen, advice }
}

/** All of them, one after the other. */
export async function runChecks(checks: readonly Check[], maxMs = limitMs): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const { name, look } of checks) {
    const inTime = new AbortController()
    const late = sleep(maxMs, undefined, { signal: inTime.signal }).then(() =>
      fail(`no answer within ${maxMs / 1_000} s`, 'look at what is between here and there'),
    )
    late.catch(() => undefined)
    try {
      const finding = await Promise.race([look(), late])
      if (finding !== undefined) results.push({ name, ...finding })
    } catch (error) {
      results.push({ name, ...fail(reasonOf(error), 'correct what it names') })
    } finally {
      inTime.abort()
    }
  }
  return results
}

/** Messages of Keyhold and of PostgreSQL hold no secrets. Of other errors only the code is known not to. */
export function reasonOf(error: unknown): string {
  if (isKeyholdError(error)) return `${error.message} (${error.code})`
  const said = wordsOfPostgres(error)
  if (said !== undefined) return said
  return error instanceof Error && 'code' in error ? String(error.code) : 'failed without a reason'
}
