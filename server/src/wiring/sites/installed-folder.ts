// The folder of built pages in a package beside the server.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Undefined: the package is not installed, or, in the repository, its folder is not made yet.
 *
 * @param findManifest - answers the URL of its package.json, or throws
 */
export function installedFolder(findManifest: () => string): string | undefined {
  try {
    const manifest = fileURLToPath(findManifest())
    const folder = path.join(path.dirname(manifest), 'dist')
    return existsSync(folder) ? folder : undefined
  } catch {
    return undefined
  }
}
