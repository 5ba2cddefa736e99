// Confirms the installation's row of an older database, and records the whole of it. It comes last: until then every replica
// that knows the newer row serves nothing.
import { commandActor } from '../../../store/audits.ts'
import type { Store } from '../../../store/store.ts'
import type { OlderRows } from './find-older.ts'
import { restoreApiKeys } from './restore-api-keys.ts'
import { refuseAnotherGeneration, restoredGeneration } from './restored-generation.ts'

/**
 * Answers the API keys that were deleted, since they do not hold any more.
 *
 * @param details - what the audit record says besides
 * @throws KeyholdError `ERR_RESTORE_BLOCKED` where the row is another one than the one that was shown
 */
export async function restoreInstallation(
  store: Pick<Store, 'transaction'>,
  installationId: string,
  { shown, record, isOlder }: OlderRows['installation'],
  details: Readonly<Record<string, string>>,
): Promise<string[]> {
  const { generation = 0, known } = record ?? {}
  const newest = known !== undefined && known.generation >= generation ? known.facts : undefined
  return store.transaction(async (transaction) => {
    const to = restoredGeneration(shown, generation)
    const ofApiKeys = await transaction.installation.restore(to, (older) => {
      refuseAnotherGeneration("installation's row", shown, older.generation)
      const { apiKeyGeneration } = older
      return isOlder ? restoredGeneration(apiKeyGeneration, newest?.apiKeyGeneration ?? 0) : apiKeyGeneration
    })
    const dead = isOlder ? await restoreApiKeys(transaction, undefined, { ...ofApiKeys, newest }) : []
    transaction.audit({
      tenantId: undefined,
      actor: commandActor,
      action: 'integrity.confirm-restore',
      targetId: installationId,
      details: {
        ...details,
        generationShown: String(shown),
        generationKnown: String(record?.generation ?? shown),
        generationNow: String(to),
      },
    })
    return dead
  })
}
