// The root key file of a running replica. A file that requires MACs takes effect without a restart, as soon as the operator has
// put it in place. Nothing else does: a file that requires less, or names another root key, counts at the next start.
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { keyholdVersion } from '../../driver/application-name.ts'
import { readRootKeyFile } from '../../kms/root-key-file.ts'
import type { RowMacs } from '../../store/authentic/row-macs.ts'
import type { ReplicaFacts } from '../../store/replicas.ts'
import { macRing, type ClaimedRootKey } from './claimed-root-key.ts'

/**
 * Answers the function that looks at the file, and tells what this replica holds. It never throws.
 *
 * @param claimed - the root key with which this replica has started
 * @param replica - its number, where several share a machine
 */
export function watchRootKeyFile(
  file: string,
  claimed: ClaimedRootKey,
  macs: Pick<RowMacs, 'open'>,
  logger: Logger,
  replica?: number,
): () => Promise<ReplicaFacts> {
  const host = replica === undefined ? hostname() : `${hostname()}/${replica}`
  let { requiresMacs } = claimed

  async function requiresMacsNow(): Promise<boolean> {
    // A file that cannot be read now says nothing.
    const ring = await readRootKeyFile(file).catch(() => undefined)
    return (
      ring?.requiresMacs === true &&
      ring.id === claimed.id &&
      ring.key.equals(claimed.key) &&
      ring.installationId === claimed.installationId
    )
  }

  return async () => {
    if (!requiresMacs && (await requiresMacsNow())) {
      requiresMacs = true
      macs.open(macRing({ ...claimed, requiresMacs }, claimed.installationId))
      logger.info(
        { rootKeyFile: file },
        'the root key file requires MACs: from now on unsigned rows are refused',
      )
    }
    return { host, version: keyholdVersion, rootKeyId: claimed.id, requiresMacs }
  }
}
