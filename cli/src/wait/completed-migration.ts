// A migration as the original's clients see it, followed until that very migration has completed.
import { KeyholdApiError, type Reply } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import type { Session } from '../session/open-session.ts'
import { lastErrorOf, progressOf } from '../views/migration.ts'
import { follow, type Followed } from './follow.ts'

/**
 * The details of the migration once it has completed.
 *
 * @throws CliError `failed` when the migration is gone without having completed; what `follow` throws
 */
export function completedMigration(
  session: Session,
  id: string,
  timeoutSeconds: number | undefined,
): Promise<Reply<'getMigrationDetails'>> {
  const followed: Followed<Reply<'getMigrationDetails'>> = {
    name: `migration ${id}`,
    hint: 'keyhold keyprovider migration-details shows it',
    async look(signal) {
      try {
        return await session.callOnce('getMigrationDetails', { signal })
      } catch (error) {
        throw error instanceof KeyholdApiError && error.code === 'ERR_MIGRATION_NOT_FOUND' ? gone(id) : error
      }
    },
    isOver({ body }) {
      if (body.id !== id) throw gone(id)
      return body.state === 'Completed'
    },
    progressOf: ({ body }) => progressOf(body),
    phaseOf: ({ body }) => body.phase,
    troubleOf({ body }) {
      const lastError = lastErrorOf(body)
      return lastError && `the migration pauses: ${lastError}`
    },
  }
  return follow(session, followed, timeoutSeconds)
}

function gone(id: string): CliError {
  return new CliError(
    'failed',
    'ERR_CLI_MIGRATION_GONE',
    `migration ${id} is neither running nor the last completed one: it was cancelled, or another one followed it`,
    { hint: 'keyhold keyprovider list shows which key provider is current' },
  )
}
