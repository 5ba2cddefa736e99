// A folder of built pages: the one that a setting names, which must be right, or that of an installed package.
import { KeyholdError } from '@keyhold/core'
import type { Logger } from 'pino'
import { installedFolder } from './installed-folder.ts'

export interface SiteParts<Site> {
  /** The folder that the setting names. */
  named: string | undefined
  read: (folder: string) => Site
  /** Answers the URL of the package's package.json, or throws. */
  findManifest: () => string
  wrongFolder: string
  damaged: string
  logger: Pick<Logger, 'warn'>
}

/**
 * Undefined: there is none, or the package is damaged, which the log says.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` if the setting names something else
 */
export function findSite<Site>({
  named,
  read,
  findManifest,
  wrongFolder,
  damaged,
  logger,
}: SiteParts<Site>): Site | undefined {
  if (named !== undefined) {
    try {
      return read(named)
    } catch (cause) {
      throw new KeyholdError('ERR_CONFIG_INVALID', { message: wrongFolder, cause })
    }
  }
  const folder = installedFolder(findManifest)
  if (folder === undefined) return undefined
  try {
    return read(folder)
  } catch (error) {
    logger.warn({ err: error, folder }, damaged)
    return undefined
  }
}
