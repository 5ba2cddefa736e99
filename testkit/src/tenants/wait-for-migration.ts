// The tenant's migration as `migration/actions/details` shows it.
import type { MigrationInformation } from '@keyhold/client'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tenant } from './create-tenant.ts'
import { openClient } from './open-client.ts'
import { pollPauseMs } from './poll-pause.ts'

type Admin = Pick<Tenant, 'adminToken'>

/** The running migration, or else the last completed one. */
export async function migrationDetails(url: string, { adminToken }: Admin): Promise<MigrationInformation> {
  return (await openClient(url, adminToken).call('getMigrationDetails')).body
}

export function isCompleted({ state }: MigrationInformation): boolean {
  return state === 'Completed'
}

/** Waits until the migration is as the caller wants it, by default until it has completed, and answers its details. */
export async function waitForMigration(
  url: string,
  tenant: Admin,
  isAsWanted: (details: MigrationInformation) => boolean = isCompleted,
): Promise<MigrationInformation> {
  for (let round = 0; ; round++) {
    const details = await migrationDetails(url, tenant)
    if (isAsWanted(details)) return details
    await sleep(pollPauseMs(round))
  }
}
