// A key job as Keyhold's own routes show it, followed until it has ended, with its rate and the time that is left.
import type { Reply } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import type { Session } from '../session/open-session.ts'
import { keyJobErrorOf, keyJobProgressOf } from '../views/key-job.ts'
import { follow, type Followed } from './follow.ts'
import { createKeyJobPace } from './key-job-pace.ts'

/**
 * The key job once it is done.
 *
 * @throws CliError `failed` when it was cancelled; what `follow` throws
 */
export async function endedKeyJob(
  session: Session,
  id: string,
  timeoutSeconds: number | undefined,
): Promise<Reply<'getMigration'>> {
  const hint = `keyhold migration show ${id} shows it`
  const pace = createKeyJobPace()
  const followed: Followed<Reply<'getMigration'>> = {
    name: `key job ${id}`,
    hint,
    look: (signal) => session.callOnce('getMigration', { params: { migrationId: id }, signal }),
    isOver: ({ body }) => body.phase === 'done' || body.phase === 'aborted',
    progressOf: ({ body }) => keyJobProgressOf(body, pace(body, performance.now())),
    phaseOf: ({ body }) => body.phase,
    troubleOf({ body }) {
      const lastError = keyJobErrorOf(body)
      return lastError && `it waits: ${lastError}`
    },
  }
  const reply = await follow(session, followed, timeoutSeconds)
  if (reply.body.phase === 'done') return reply
  const message = `${reply.body.kind} ${id} was cancelled`
  throw new CliError('failed', 'ERR_CLI_MIGRATION_CANCELLED', message, { hint })
}
