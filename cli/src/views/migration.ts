// Migrations for people, as the original's routes show them.
import type { MigrationInformation } from '@keyhold/client'
import { formatFields } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const migrationView: View<MigrationInformation> = {
  ids: (migration) => [migration.id],
  text: (migration) =>
    formatFields([
      ['id', migration.id],
      ['state', migration.state],
      ['phase', migration.phase],
      ['progress', `${Math.floor(migration.progress)} %`],
      ['cipherkeys', cipherkeysOf(migration)],
      ['from', kmsName(migration.migratingFrom)],
      ['to', kmsName(migration.migratingTo)],
      ['fingerprint', migration.migratingToFingerPrint],
      ['initiated', readableTime(migration.initiatedAt)],
      ['completed', readableTime(migration.completedAt)],
      ['last error', lastErrorOf(migration)],
      ['tenant', migration.tenantId],
    ]),
}

/** One line of progress, short enough for a line of 80 columns with a million cipherkeys. */
export function progressOf(migration: MigrationInformation): string {
  return `migrating: ${migration.phase}, ${Math.floor(migration.progress)} %, cipherkeys ${cipherkeysOf(migration)}`
}

/** Why a migration pauses, if it does. */
export function lastErrorOf({ lastError }: MigrationInformation): string | undefined {
  return lastError === undefined
    ? undefined
    : `${lastError.message} (${lastError.code}) at ${readableTime(lastError.at)}`
}

function cipherkeysOf({ cipherkeys: { total, copied, failed } }: MigrationInformation): string {
  return `${copied} of ${total} copied${failed === 0 ? '' : `, ${failed} failed`}`
}
