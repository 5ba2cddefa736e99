// Chains of audit records that are older than the checkpoints of this replica.
import { chainOf } from '../../../installation/audit-checkpoint.ts'
import { keptCheckpoints } from '../../../installation/kept-checkpoints.ts'
import type { Store } from '../../../store/store.ts'

export interface OlderChain {
  tenantId: string | undefined
  /** The number of its last record, and the one that was signed. */
  shown: number
  signed: number
}

export interface OlderChains {
  file: string
  chains: OlderChain[]
}

export async function findOlderChains(
  { audits }: Pick<Store, 'audits'>,
  stateDir: string,
): Promise<OlderChains> {
  // The older database may not know the key that has signed them.
  const kept = keptCheckpoints({ stateDir, isOwnKey: () => true })
  const chains: OlderChain[] = []
  for (const { checkpoint } of (await kept.load()).newest) {
    const chain = chainOf(checkpoint)
    const tenantId = chain === '' ? undefined : chain
    const shown = (await audits.findHead(tenantId))?.sequence ?? 0
    if (shown < checkpoint.sequence) chains.push({ tenantId, shown, signed: checkpoint.sequence })
  }
  return { file: kept.file, chains }
}
