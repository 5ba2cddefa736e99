// Where the built documentation is: in the folder that a setting names, or in the package beside the server.
import type { Logger } from 'pino'
import { readDocsFolder, type DocsFolder } from '../../http/docs/docs-folder.ts'
import type { Settings } from '../../settings/read-settings.ts'
import { findSite } from './find-site.ts'

/**
 * Undefined: there is none, or the package is damaged, which the log says.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` if KEYHOLD_DOCS_DIR names something else
 */
export function findDocs(
  { docsDir }: Pick<Settings, 'docsDir'>,
  logger: Pick<Logger, 'warn'>,
): DocsFolder | undefined {
  return findSite({
    named: docsDir,
    read: readDocsFolder,
    findManifest: () => import.meta.resolve('@keyhold/docs/package.json'),
    wrongFolder:
      'KEYHOLD_DOCS_DIR expects the folder "dist" of the package @keyhold/docs, with site.json in it.',
    damaged: 'the package with the documentation is damaged: install it again',
    logger,
  })
}
