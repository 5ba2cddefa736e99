// The separate listener for probes, if the settings name a port.
import type { Logger } from 'pino'
import { serveProbes } from '../../http/server/serve-probes.ts'
import type { Settings } from '../../settings/read-settings.ts'
import type { Closers } from '../close-all.ts'
import type { OpenedApp } from '../open-app.ts'
import { reachableUrl, type ListensOn } from './reachable-url.ts'

/**
 * Answers its URLs; undefined: there is none.
 *
 * @param closers - receives the function that closes it
 */
export async function openProbes(
  { healthHost: host, healthPort: port }: Pick<Settings, 'healthHost' | 'healthPort'>,
  logger: Logger,
  { probe }: Pick<OpenedApp, 'probe'>,
  closers: Closers,
): Promise<ListensOn | undefined> {
  if (port === undefined) return undefined
  const { url: boundUrl, close } = await serveProbes({ host, port }, probe, (error) => {
    logger.warn({ err: error }, 'probes')
  })
  closers.push(close)
  const url = reachableUrl(boundUrl)
  logger.info({ url }, 'probes')
  return { url, boundUrl }
}
