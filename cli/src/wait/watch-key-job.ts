// Watches one migration or rotation until it has ended, with its rate and the time that is left.
import type { KeyJob, Reply } from '@keyhold/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../errors/cli-error.ts'
import { isWorthRetrying } from '../errors/exit-code-of.ts'
import { createKeyJobPace } from './key-job-pace.ts'
import type { Progress } from '../output/open-progress.ts'
import type { Session } from '../session/open-session.ts'
import { keyJobErrorOf, keyJobProgressOf } from '../views/key-job.ts'
import { whileWaiting } from './while-waiting.ts'

type Shown = Reply<'getMigration'>

// A server that restarts is away for seconds; one that stays away is an error.
const patienceMs = 60_000

/**
 * The migration when it is done.
 *
 * @throws CliError `interrupted` on SIGINT; `failed` after `timeoutSeconds`, or when the migration was cancelled; what
 * the server refuses with, or its absence for a minute.
 */
export async function watchKeyJob(
  session: Session,
  id: string,
  timeoutSeconds: number | undefined,
): Promise<Shown> {
  const hint = `keyhold migration show ${id} shows it`
  const options = { id, timeoutSeconds, hint, isQuiet: session.mode === 'quiet' }
  const reply = await whileWaiting(options, (signal, progress) => poll(session, id, signal, progress))
  if (reply.body.phase === 'done') return reply
  throw new CliError('failed', 'ERR_CLI_MIGRATION_CANCELLED', `migration ${id} was cancelled`, { hint })
}

async function poll(session: Session, id: string, signal: AbortSignal, progress: Progress): Promise<Shown> {
  const pace = createKeyJobPace()
  let lastAnswer = performance.now()
  let lastTrouble: string | undefined
  for (;;) {
    const shown = await ask(session, id, signal, lastAnswer)
    const trouble = typeof shown === 'string' ? shown : troubleOf(shown.body)
    if (trouble !== undefined && trouble !== lastTrouble) progress.note(trouble)
    lastTrouble = trouble
    if (typeof shown !== 'string') {
      const { body } = shown
      lastAnswer = performance.now()
      if (body.phase === 'done' || body.phase === 'aborted') return shown
      progress.show(keyJobProgressOf(body, pace(body, lastAnswer)), body.phase)
    }
    await sleep(session.intervalMs, undefined, { signal })
  }
}

/** A text where the server is away for now. */
async function ask(
  { callOnce }: Session,
  migrationId: string,
  signal: AbortSignal,
  lastAnswer: number,
): Promise<Shown | string> {
  try {
    return await callOnce('getMigration', { params: { migrationId }, signal })
  } catch (error) {
    if (!isWorthRetrying(error) || performance.now() - lastAnswer > patienceMs) throw error
    return `${error.message} (${error.code}); still waiting`
  }
}

function troubleOf(job: KeyJob): string | undefined {
  const lastError = keyJobErrorOf(job)
  return lastError === undefined ? undefined : `it waits: ${lastError}`
}
