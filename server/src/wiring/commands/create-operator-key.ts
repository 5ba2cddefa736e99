// The command `create-operator-key` works directly on the database, also beside a running server.
import { createApiKey } from '../../access/create-api-key.ts'
import { commandActor } from '../../store/audits.ts'
import { withCommandStore } from './adoption/open-command-store.ts'
import type { CommandSettings } from './command-settings.ts'

/**
 * Creates an operator's API key and answers its token.
 *
 * @throws KeyholdError `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`, `ERR_DATABASE_UNAVAILABLE`, `ERR_QUARANTINED`,
 * `ERR_STATE_FILE_INVALID`
 */
export async function createOperatorKey(settings: CommandSettings, name: string): Promise<string> {
  return withCommandStore(settings, async ({ store }) => {
    const { token } = await createApiKey(store, { role: 'operator', tenantId: undefined, name }, commandActor)
    return token
  })
}
