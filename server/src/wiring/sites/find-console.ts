// Where the built console is: in the folder that a setting names, or in the package beside the server.
import type { Logger } from 'pino'
import { readConsoleFolder, type ConsoleFolder } from '../../http/console/console-folder.ts'
import type { Settings } from '../../settings/read-settings.ts'
import { findSite } from './find-site.ts'

/**
 * Undefined: there is none, or the package is damaged, which the log says.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` if KEYHOLD_CONSOLE_DIR names something else
 */
export function findConsole(
  { consoleDir }: Pick<Settings, 'consoleDir'>,
  logger: Pick<Logger, 'warn'>,
): ConsoleFolder | undefined {
  return findSite({
    named: consoleDir,
    read: readConsoleFolder,
    findManifest: () => import.meta.resolve('@keyhold/console/package.json'),
    wrongFolder:
      'KEYHOLD_CONSOLE_DIR expects the folder "dist" of the package @keyhold/console, with index.html in it.',
    damaged: 'the package with the console is damaged: install it again',
    logger,
  })
}
