// Checks of a doctor: each looks at one thing, changes nothing, and has its own time. One that fails keeps none of the others from
// being made.
import { setTimeout as sleep } from 'node:timers/promises'
import { hintFor, hintForCode } from '../errors/hint-for.ts'
import { rootCause } from '../errors/root-cause.ts'

export interface Finding {
  status: 'ok' | 'warn' | 'fail'
  seen: string
  /** The next step; absent where nothing is to do. */
  advice?: string
}

export interface Check {
  name: string
  look: (signal: AbortSignal) => Promise<Finding | undefined>
}

export interface CheckResult extends Finding {
  name: string
}

const limitMs = 5_000

export function ok(seen: string): Finding {
  return { status: 'ok', seen }
}

export function warn(seen: string, advice: string): Finding {
  return { status: 'warn', seen, advice }
}

export function fail(seen: string, advice: string): Finding {
  return { status: 'fail', seen, advice }
}

/** All of them, one after the other. One that has nothing to look at is left out. */
export async function runChecks(checks: readonly Check[], maxMs = limitMs): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const { name, look } of checks) {
    const stop = new AbortController()
    const late = sleep(maxMs, undefined, { signal: stop.signal }).then(() =>
      fail(`no answer within ${maxMs / 1_000} s`, 'look at what is between here and there'),
    )
    late.catch(() => undefined)
    try {
      const finding = await Promise.race([look(stop.signal), late])
      if (finding !== undefined) results.push({ name, ...finding })
    } catch (error) {
      results.push({ name, ...fail(messageOf(error), adviceOf(error)) })
    } finally {
      stop.abort()
    }
  }
  return results
}

/** The message of the system, which is deeper than "fetch failed". */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const cause = rootCause(error)
  return cause === undefined || cause.message === error.message
    ? error.message
    : `${error.message}: ${cause.message}`
}

function adviceOf(error: unknown): string {
  const nothingKnown = 'see what the message names'
  if (!(error instanceof Error)) return nothingKnown
  const cause: NodeJS.ErrnoException = rootCause(error) ?? error
  return hintFor(error) ?? hintForCode(cause.code ?? '') ?? nothingKnown
}
