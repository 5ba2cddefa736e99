// Chains of audit records that are older than the checkpoints of this replica.
import { chainOf, type SignedCheckpoint } from '../../../installation/audit-checkpoint.ts'
import { keptCheckpoints, newestOfEach } from '../../../installation/kept-checkpoints.ts'
import type { Store } from '../../../store/store.ts'

export interface OlderChain {
  tenantId: string | undefined
  /** The number of its last record, and the one that was signed. */
  shown: number
  signed: number
}

export interface OlderChains {
  /** Those that have checkpoints of what is missing. */
  files: string[]
  chains: OlderChain[]
}

/** @param stateDirs - of the replicas of this machine */
export async function findOlderChains(
  { audits }: Pick<Store, 'audits'>,
  stateDirs: readonly string[],
): Promise<OlderChains> {
  const kept = await Promise.all(
    stateDirs.map(async (stateDir) => {
      // The older database may not know the key that has signed them.
      const { file, look } = keptCheckpoints({ stateDir, isOwnKey: () => true })
      return { file, newest: (await look()).newest }
    }),
  )
  const olderOf = async ({ checkpoint }: SignedCheckpoint): Promise<OlderChain | undefined> => {
    const chain = chainOf(checkpoint)
    const tenantId = chain === '' ? undefined : chain
    const shown = (await audits.findHead(tenantId))?.sequence ?? 0
    return shown < checkpoint.sequence ? { tenantId, shown, signed: checkpoint.sequence } : undefined
  }
  const files: string[] = []
  for (const { file, newest } of kept)
    for (const each of newest) {
      if ((await olderOf(each)) === undefined) continue
      files.push(file)
      break
    }
  const chains: OlderChain[] = []
  for (const each of newestOfEach(kept.flatMap(({ newest }) => newest))) {
    const older = await olderOf(each)
    if (older !== undefined) chains.push(older)
  }
  return { files, chains }
}
