// Waits for the end of one migration by polling its details. The waiting can end in many ways; the migration goes on.
import { KeyholdApiError, type Reply } from '@keyhold/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../errors/cli-error.ts'
import { isWorthRetrying } from '../errors/exit-code-of.ts'
import type { Progress } from '../output/open-progress.ts'
import type { Session } from '../session/open-session.ts'
import { lastErrorOf, progressOf } from '../views/migration.ts'
import { whileWaiting } from './while-waiting.ts'

type Details = Reply<'getMigrationDetails'>

// Migrations of small tenants take less than a second: the first polls come quickly.
const firstPauseMs = 100
// A server that restarts is away for seconds; one that stays away is an error.
const patienceMs = 60_000
const seeDetails = 'keyhold keyprovider migration-details shows it'

/**
 * The details of the migration when it has completed.
 *
 * @throws CliError `interrupted` on SIGINT; `failed` after `timeoutSeconds`, or when the migration is gone without
 * having completed; what the server refuses a poll with, or its absence for a minute.
 */
export async function waitForMigration(
  session: Session,
  id: string,
  timeoutSeconds: number | undefined,
): Promise<Details> {
  const options = { id, timeoutSeconds, hint: seeDetails, isQuiet: session.mode === 'quiet' }
  return whileWaiting(options, (signal, progress) => poll(session, id, signal, progress))
}

async function poll(session: Session, id: string, signal: AbortSignal, progress: Progress): Promise<Details> {
  const longestPauseMs = Math.max(session.intervalMs, firstPauseMs)
  let pauseMs = firstPauseMs
  let lastAnswer = performance.now()
  let lastTrouble: string | undefined
  for (;;) {
    let details: Details | undefined
    let trouble: string | undefined
    let askedToWaitMs = 0
    try {
      details = await session.callOnce('getMigrationDetails', { signal })
      lastAnswer = performance.now()
    } catch (error) {
      if (error instanceof KeyholdApiError && error.code === 'ERR_MIGRATION_NOT_FOUND') throw gone(id)
      if (!isWorthRetrying(error) || performance.now() - lastAnswer > patienceMs) throw error
      trouble = `${error.message} (${error.code}); still waiting`
      askedToWaitMs = (error.retryAfterSeconds ?? 0) * 1000
    }
    if (details !== undefined) {
      if (details.body.id !== id) throw gone(id)
      if (details.body.state === 'Completed') return details
      const lastError = lastErrorOf(details.body)
      if (lastError !== undefined) trouble = `the migration pauses: ${lastError}`
    }
    if (trouble !== undefined && trouble !== lastTrouble) progress.note(trouble)
    lastTrouble = trouble
    if (details !== undefined) progress.show(progressOf(details.body), details.body.phase)
    await sleep(Math.max(pauseMs, askedToWaitMs), undefined, { signal })
    pauseMs = Math.min(pauseMs * 2, longestPauseMs)
  }
}

function gone(id: string): CliError {
  return new CliError(
    'failed',
    'ERR_CLI_MIGRATION_GONE',
    `migration ${id} is neither running nor the last completed one: it was cancelled, or another one followed it`,
    { hint: 'keyhold keyprovider list shows which key provider is current' },
  )
}
