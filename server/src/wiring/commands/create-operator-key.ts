// The command `create-operator-key` works directly on the database, also beside a running server.
import { createApiKey } from '../../access/create-api-key.ts'
import { commandActor } from '../../store/audits.ts'
import { withCommandStore } from './adoption/open-command-store.ts'
import type { CommandSettings } from './command-settings.ts'

const dayMs = 86_400_000

/**
 * Creates an operator's API key and answers its token.
 *
 * @param expiresInDays - undefined: the default of operators
 * @throws KeyholdError `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`, `ERR_DATABASE_UNAVAILABLE`, `ERR_QUARANTINED`,
 * `ERR_STATE_FILE_INVALID`, `ERR_REPLICAS_OLDER`
 */
export async function createOperatorKey(
  settings: CommandSettings,
  name: string,
  expiresInDays?: number | 'none',
): Promise<string> {
  const expiresInMs = typeof expiresInDays === 'number' ? expiresInDays * dayMs : expiresInDays
  return withCommandStore(settings, async ({ store }) => {
    const request = { role: 'operator', tenantId: undefined, name, expiresInMs } as const
    const { token } = await createApiKey(store, request, commandActor)
    return token
  })
}
