// Rows that are older than what this replica has kept, as faults of the database.
import { isKeyholdError } from '@keyhold/core'
import type { IntegrityFault } from '../../../store/integrity-faults.ts'
import type { Store } from '../../../store/store.ts'
import type { ClaimedRootKey } from '../../root-key/claimed-root-key.ts'
import { findOlder, isOlder, readFolders, verifiedGlances } from './find-older.ts'

/** @param stateDirs - of the replicas of this machine */
export async function findOlderFaults(
  store: Pick<Store, 'generations' | 'installation'>,
  rootKey: ClaimedRootKey,
  stateDirs: readonly string[],
): Promise<IntegrityFault[]> {
  if (!rootKey.requiresMacs) return []
  try {
    const { records } = await readFolders(stateDirs, rootKey)
    const { installation, tenants } = await findOlder(verifiedGlances(store), records)
    const found: IntegrityFault[] = []
    const add = (table: string, tenantId: string | undefined, row: Parameters<typeof isOlder>[0]) => {
      if (!isOlder(row)) return
      const shown = row.shown === 0 ? 'not one that Keyhold wrote' : String(row.shown)
      const message = `its generation is ${shown}, and ${row.record?.generation} is known`
      found.push({ code: 'ROW_OLDER', table, tenantId, id: tenantId ?? rootKey.installationId, message })
    }
    add('installation', undefined, installation)
    for (const { tenantId, fence, guard } of tenants) {
      add('tenants', tenantId, fence)
      add('tenant_guards', tenantId, guard)
    }
    return found
  } catch (error) {
    if (!isKeyholdError(error, 'ERR_STATE_FILE_INVALID')) throw error
    return [
      {
        code: 'STATE_FILE_INVALID',
        table: '-',
        tenantId: undefined,
        id: stateDirs[0] ?? '-',
        message: error.message,
      },
    ]
  }
}
