// Follows a key job to its end by looking at it again and again. The waiting can end in many ways; the key job goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../errors/cli-error.ts'
import { isTemporary } from '../errors/exit-code-of.ts'
import { noProgress, openProgress, type Progress } from '../output/open-progress.ts'
import type { Session } from '../session/open-session.ts'
import { interruptible } from './interruptible.ts'

/** A key job as one route shows it, and how to read what it shows. */
export interface Followed<Seen extends object> {
  /** `migration m1`. */
  name: string
  /** How to look again later. */
  hint: string
  look: (signal: AbortSignal) => Promise<Seen>
  /** @throws CliError where it has ended in another way */
  isOver: (seen: Seen) => boolean
  progressOf: (seen: Seen) => string
  phaseOf: (seen: Seen) => string
  /** Why it does not move, if it does not. */
  troubleOf: (seen: Seen) => string | undefined
}

// Small tenants take less than a second: the first looks come quickly.
const firstPauseMs = 100
// A server that restarts is away for seconds; one that stays away is an error.
const patienceMs = 60_000

/**
 * Answers the last look, at which the key job is over.
 *
 * @throws CliError `interrupted` on SIGINT, `failed` after `timeoutSeconds`; the error of a look
 * that the server refuses, or cannot answer for a minute
 */
export async function follow<Seen extends object>(
  session: Session,
  followed: Followed<Seen>,
  timeoutSeconds: number | undefined,
): Promise<Seen> {
  const { name, hint } = followed
  const error = new CliError('interrupted', 'ERR_CLI_INTERRUPTED', `stopped waiting; ${name} goes on`, {
    hint,
  })
  return interruptible(session.shell, { names: ['SIGINT'], error }, async (stop) => {
    const progress = session.mode === 'quiet' ? noProgress : openProgress(session.shell)
    const timer =
      timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => {
            const message = `not completed within ${timeoutSeconds} s; ${name} goes on`
            stop.abort(new CliError('failed', 'ERR_CLI_TIMEOUT', message, { hint }))
          }, timeoutSeconds * 1000)
    try {
      return await lookUntilOver(session.intervalMs, followed, progress, stop.signal)
    } finally {
      progress.close()
      clearTimeout(timer)
    }
  })
}

async function lookUntilOver<Seen extends object>(
  intervalMs: number,
  followed: Followed<Seen>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Seen> {
  let pauseMs = firstPauseMs
  let lastSeenMs = performance.now()
  let lastTrouble: string | undefined
  for (;;) {
    const { seen, trouble, wishMs } = await lookOnce(followed, signal, lastSeenMs)
    if (seen !== undefined && followed.isOver(seen)) return seen
    if (trouble !== undefined && trouble !== lastTrouble) progress.note(trouble)
    lastTrouble = trouble
    if (seen !== undefined) {
      lastSeenMs = performance.now()
      progress.show(followed.progressOf(seen), followed.phaseOf(seen))
    }
    await sleep(Math.max(pauseMs, wishMs), undefined, { signal })
    pauseMs = Math.min(pauseMs * 2, Math.max(intervalMs, firstPauseMs))
  }
}

interface Look<Seen> {
  /** Undefined where the server does not answer for now. */
  seen: Seen | undefined
  trouble: string | undefined
  /** How long the server asks to be left alone. */
  wishMs: number
}

async function lookOnce<Seen extends object>(
  { look, troubleOf }: Followed<Seen>,
  signal: AbortSignal,
  lastSeenMs: number,
): Promise<Look<Seen>> {
  try {
    const seen = await look(signal)
    return { seen, trouble: troubleOf(seen), wishMs: 0 }
  } catch (error) {
    if (!isTemporary(error) || performance.now() - lastSeenMs > patienceMs) throw error
    const trouble = `${error.message} (${error.code}); still waiting`
    return { seen: undefined, trouble, wishMs: (error.retryAfterSeconds ?? 0) * 1000 }
  }
}
