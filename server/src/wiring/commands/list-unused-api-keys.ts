// The command `unused-api-keys` looks at the database, also beside a running server.
import { listUnusedKeys } from '../../access/list-unused-keys.ts'
import { withCommandStore } from './adoption/open-command-store.ts'
import type { CommandSettings } from './command-settings.ts'

const dayMs = 86_400_000

/**
 * A line for each API key that was not used for so many days: its id, role, tenant, last use and name.
 *
 * @throws KeyholdError `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`, `ERR_DATABASE_UNAVAILABLE`, `ERR_QUARANTINED`,
 * `ERR_STATE_FILE_INVALID`
 */
export async function listUnusedApiKeys(settings: CommandSettings, days: number): Promise<string[]> {
  return withCommandStore(settings, async ({ store }) => {
    const keys = await listUnusedKeys(store, days * dayMs)
    return keys.map(({ id, role, tenantId = '-', usedAt, name }) =>
      [id, role, tenantId, usedAt === undefined ? 'never' : usedAt.toISOString(), JSON.stringify(name)].join(
        ' ',
      ),
    )
  })
}
