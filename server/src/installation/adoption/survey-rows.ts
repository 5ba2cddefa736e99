// A look through all rows that steer, for those that are not as Keyhold wrote them.
import type { SteeringRow } from '../../store/authentic/steering-rows.ts'
import type { SteeringKind } from '../../store/authentic/steering-kinds.ts'
import type { SnapshotStore, Store } from '../../store/store.ts'

const pageRows = 500

export interface SurveyCounts {
  rows: number
  /** Rows without a MAC. */
  unsigned: number
  /** Rows with a wrong one, and fences that do not agree with other rows. */
  wrong: number
  /** Rows under a root key that is not in the ring. */
  outdated: number
}

export interface Survey {
  counts: ReadonlyMap<SteeringKind, SurveyCounts>
  /** Tenants with such rows, audit records apart; undefined stands for the installation. */
  tenants: ReadonlySet<string | undefined>
  /** Whether the survey has met the row with the content that it has here. Audit records are never signed afterwards. */
  hasSeen: (row: SteeringRow) => boolean
}

/**
 * Reads all of them as of one moment, page by page, while others go on writing.
 *
 * @param onFaulty - receives each faulty row
 */
export function surveyRows(
  store: Pick<Store, 'readSnapshot'>,
  kinds: readonly SteeringKind[],
  onFaulty: (row: SteeringRow) => void = () => undefined,
): Promise<Survey> {
  return store.readSnapshot((snapshot) => survey(snapshot, kinds, onFaulty))
}

async function survey(
  { steeringRows }: SnapshotStore,
  kinds: readonly SteeringKind[],
  onFaulty: (row: SteeringRow) => void,
): Promise<Survey> {
  const counts = new Map<SteeringKind, SurveyCounts>()
  const tenants = new Set<string | undefined>()
  const seen = new Map<string, string>()
  const nameOf = ({ kind, key }: SteeringRow) => JSON.stringify([kind, ...key])
  for (const kind of kinds) {
    const count = { rows: 0, unsigned: 0, wrong: 0, outdated: 0 }
    counts.set(kind, count)
    for await (const row of readAll(steeringRows, kind)) {
      count.rows += 1
      // A fence is signed anew with the first row of its tenant.
      const isShown = kind === 'fence' || row.fault !== undefined
      if (isShown && kind !== 'audit') seen.set(nameOf(row), steeringRows.digestOf(row))
      if (row.fault === undefined) continue
      if (row.fault === 'unsigned' || row.fault === 'outdated') count[row.fault] += 1
      else count.wrong += 1
      if (kind !== 'audit') tenants.add(row.tenantId)
      onFaulty(row)
    }
  }
  return { counts, tenants, hasSeen: (row) => seen.get(nameOf(row)) === steeringRows.digestOf(row) }
}

async function* readAll(
  steeringRows: Store['steeringRows'],
  kind: SteeringKind,
): AsyncGenerator<SteeringRow> {
  let after: readonly string[] | undefined
  for (;;) {
    const page = await steeringRows.list(kind, after, pageRows)
    yield* page
    if (page.length < pageRows) return
    after = page.at(-1)?.key
  }
}
