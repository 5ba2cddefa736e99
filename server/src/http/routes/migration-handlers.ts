// The original's routes of migrations.
import { spellings, type MigrationInformation } from '@keyhold/contract'
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { getMigrationDetails } from '../../migration/migration-details.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import type { Actor } from '../../store/audits.ts'
import type { Store } from '../../store/store.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { migrationWire } from '../wire/migration-wire.ts'

export interface MigrationHandlerParts {
  store: Store
  startMigration: (
    tenantId: string,
    targetFingerprint: string,
    actor: Actor,
    planId?: string,
  ) => Promise<KeyJobRow>
}

export function migrationHandlers({
  store,
  startMigration,
}: MigrationHandlerParts): Pick<
  Handlers,
  'migrateToKeyProvider' | 'resetToDefaultProvider' | 'getMigrationDetails'
> {
  async function wire(
    { tenantKeys }: Pick<Store, 'tenantKeys'>,
    job: KeyJobRow,
  ): Promise<MigrationInformation> {
    const sourceTenantKey = await tenantKeys.find(job.tenantId, job.sourceVersion)
    if (sourceTenantKey === undefined) throw new KeyholdError('ERR_MIGRATION_RECORD_INVALID')
    return migrationWire(job, sourceTenantKey.id)
  }

  return {
    async migrateToKeyProvider(call) {
      const job = await startMigration(
        call.tenantId,
        call.params.arnFingerPrint,
        actorOf(call),
        call.query.plan,
      )
      return { status: 200, body: await wire(store, job) }
    },

    async resetToDefaultProvider(call) {
      const { tenantId } = call
      try {
        // The fingerprint of the default provider is the tenant's id.
        const job = await startMigration(tenantId, tenantId, actorOf(call), call.query.plan)
        return { status: 205, body: await wire(store, job) }
      } catch (error) {
        if (isKeyholdError(error, 'ERR_MIGRATION_TARGET_CURRENT')) {
          return { status: 200, body: { message: spellings.resetNotNeededMessage } }
        }
        // The original uses 424 on this route for a tenant that is there already, so a failed preparation is a 412.
        if (isKeyholdError(error, 'ERR_MIGRATION_NOT_PREPARED')) {
          throw new KeyholdError('ERR_MIGRATION_NOT_STARTED', { message: error.message, cause: error })
        }
        throw error
      }
    },

    async getMigrationDetails({ tenantId }) {
      const body = await store.readSnapshot(async (snapshot) =>
        wire(snapshot, await getMigrationDetails(snapshot, tenantId)),
      )
      return { status: 200, body }
    },
  }
}
