// Records of what is kept of generations: for each row with a generation the highest one that was verified, and the newest facts of it.
import type {
  FenceFacts,
  GuardFacts,
  InstallationFacts,
  Known,
} from '../../store/generations/generation-facts.ts'
import type { Store } from '../../store/store.ts'

interface RecordOf<Kind extends string, Facts> {
  kind: Kind
  /** Of the installation: empty. */
  tenantId: string
  generation: number
  /** They may be those of an earlier generation. Undefined: none were read. */
  known: Known<Facts> | undefined
}

export type FenceRecord = RecordOf<'fence', FenceFacts>
export type GuardRecord = RecordOf<'guard', GuardFacts>
export type InstallationRecord = RecordOf<'installation', InstallationFacts>
export type GenerationRecord = FenceRecord | GuardRecord | InstallationRecord

/** The newest record of each row. */
export interface KeptRecords {
  fences: ReadonlyMap<string, FenceRecord>
  guards: ReadonlyMap<string, GuardRecord>
  installation: InstallationRecord | undefined
}

/** Records of the rows of these tenants, and of the installation's, as they are now. */
export async function generationRecordsOf(
  { generations }: Pick<Store, 'generations'>,
  tenantIds: readonly string[],
): Promise<GenerationRecord[]> {
  const records: GenerationRecord[] = []
  const installation = await generations.readInstallation()
  if (installation !== undefined) {
    const { generation } = installation
    records.push({ kind: 'installation', tenantId: '', generation, known: installation })
  }
  for (const tenantId of tenantIds) {
    const guard = await generations.readGuard(tenantId)
    if (guard !== undefined)
      records.push({ kind: 'guard', tenantId, generation: guard.generation, known: guard })
    const fence = await generations.readFence(tenantId)
    if (fence !== undefined)
      records.push({ kind: 'fence', tenantId, generation: fence.generation, known: fence })
  }
  return records
}

/** Names the row that a record is about. */
export function nameOfRecord({ kind, tenantId }: Pick<GenerationRecord, 'kind' | 'tenantId'>): string {
  return `${kind}/${tenantId}`
}

/** Of two records of the same row: the highest generation, and the newest facts. */
export function mergeRecords<Record extends GenerationRecord>(
  before: Record | undefined,
  after: Record,
): Record {
  if (before === undefined) return after
  const isNewer = (after.known?.generation ?? -1) >= (before.known?.generation ?? -1)
  return {
    ...after,
    generation: Math.max(before.generation, after.generation),
    known: isNewer ? after.known : before.known,
  }
}

/** Gathers records, of one file or several. */
export function gatherRecords(): KeptRecords & { add: (record: GenerationRecord) => void } {
  const fences = new Map<string, FenceRecord>()
  const guards = new Map<string, GuardRecord>()
  let installation: InstallationRecord | undefined
  return {
    fences,
    guards,
    get installation() {
      return installation
    },
    add(record) {
      const { tenantId } = record
      if (record.kind === 'fence') fences.set(tenantId, mergeRecords(fences.get(tenantId), record))
      else if (record.kind === 'guard') guards.set(tenantId, mergeRecords(guards.get(tenantId), record))
      else installation = mergeRecords(installation, record)
    },
  }
}
