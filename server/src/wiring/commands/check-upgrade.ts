// `keyhold-server upgrade-check`: run the new version's, before the upgrade, while the old replicas serve. It looks at the database
// and changes nothing.
import { keyholdVersion } from '../../driver/application-name.ts'
import { lookAtSchema } from '../../store/schema/migrate-schema.ts'
import { connectDatabaseOfRunningServer, type DatabaseSettings } from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'

export interface UpgradeCheck {
  /** Whether replicas of the version before may run while the first ones of this version start. */
  isRolling: boolean
  lines: string[]
}

/** @throws KeyholdError `ERR_SCHEMA_NEWER` where this would be a downgrade */
export async function checkUpgrade(settings: DatabaseSettings): Promise<UpgradeCheck> {
  const { db, close } = await connectDatabaseOfRunningServer(settings, createLogger('silent'))
  try {
    const { missing, needingStop } = await lookAtSchema(db)
    const isRolling = needingStop.length === 0
    return {
      isRolling,
      lines: [
        `This is version ${keyholdVersion}.`,
        missing.length === 0
          ? 'The schema is up to date: nothing has to be migrated.'
          : `Schema migrations to run: ${missing.join(', ')}.`,
        isRolling
          ? 'A rolling upgrade is possible: replace one replica after the other.'
          : `Stop all replicas before the first one of this version starts: those of before cannot work after ${needingStop.join(', ')}.`,
      ],
    }
  } finally {
    await close()
  }
}
