// Where the built documentation is: in the folder that a setting names, or in the package beside the server.
import { KeyholdError } from '@keyhold/core'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { readDocsFolder, type DocsFolder } from '../http/docs/docs-folder.ts'
import type { Settings } from '../settings/read-settings.ts'

/**
 * Undefined: there is none, or the package is damaged, which the log says.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` if KEYHOLD_DOCS_DIR names something else
 */
export function findDocs(
  { docsDir }: Pick<Settings, 'docsDir'>,
  logger: Pick<Logger, 'warn'>,
): DocsFolder | undefined {
  if (docsDir !== undefined) {
    try {
      return readDocsFolder(docsDir)
    } catch (cause) {
      throw new KeyholdError('ERR_CONFIG_INVALID', {
        message:
          'KEYHOLD_DOCS_DIR expects the folder "dist" of the package @keyhold/docs, with site.json in it.',
        cause,
      })
    }
  }
  const folder = installedFolder()
  if (folder === undefined) return undefined
  try {
    return readDocsFolder(folder)
  } catch (error) {
    logger.warn({ err: error, folder }, 'the package with the documentation is damaged: install it again')
    return undefined
  }
}

/** In the repository the package is there, and its folder may not be made yet. */
function installedFolder(): string | undefined {
  try {
    const manifest = fileURLToPath(import.meta.resolve('@keyhold/docs/package.json'))
    const folder = path.join(path.dirname(manifest), 'dist')
    return existsSync(folder) ? folder : undefined
  } catch {
    return undefined
  }
}
