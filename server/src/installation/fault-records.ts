// Records faulty rows in the audit trail: each row at most once an hour, and of each chain only some, whatever comes in. It is
// done later, beside the request that has met the row: its transaction may be undone, or be a snapshot that cannot write. If
// it fails, nothing else changes.
import { AsyncLocalStorage } from 'node:async_hooks'
import { createTellings } from '../event-loop/tellings.ts'
import { systemActor } from '../store/audits.ts'
import { faultAction } from '../store/audit-trail/recorded-faults.ts'
import type { FaultyRow } from '../store/authentic/row-macs.ts'
import type { Store } from '../store/store.ts'

const periodSeconds = 3_600
/** In each chain, by all replicas together. */
const mostInHour = 100
// After a failure a chain is left alone.
const failedMs = 60_000
const maxFailed = 1_000

/** A record of these would be appended to the very chain that is faulty. */
const neverRecorded: ReadonlySet<FaultyRow['kind']> = new Set<FaultyRow['kind']>(['audit', 'auditHead'])

export interface FaultRecords {
  /** Notes a row that was met. It neither waits nor throws. */
  note(row: FaultyRow): void
  /** From now on they are written. What was noted before is written, too. */
  open(store: Pick<Store, 'transaction'>): void
  /** Ends when what is noted is written, or has failed. */
  settle(): Promise<void>
  /** Writes nothing more. */
  close(): Promise<void>
}

interface NotedFault extends FaultyRow {
  target: string
  /** Whether of its tenant no more are recorded for a while. */
  isLast: boolean
}

export interface FaultRecordsOptions {
  /** Hears why rows of a tenant could not be recorded; undefined: of the installation. */
  onFailed: (tenantId: string | undefined, error: unknown) => void
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: () => number
}

export function createFaultRecords({
  onFailed,
  clock = () => performance.now(),
}: FaultRecordsOptions): FaultRecords {
  // Work that is begun by a request must not look as if it were done by it, nor use its transaction's connection.
  const inOwnContext = AsyncLocalStorage.snapshot()
  const tellings = createTellings({ periodMs: periodSeconds * 1_000, mostOfGroup: mostInHour, clock })
  const noted = new Map<string, NotedFault[]>()
  const pausedUntilMs = new Map<string, number>()
  let opened: Pick<Store, 'transaction'> | undefined
  let running: Promise<void> | undefined

  function begin(): void {
    const store = opened
    if (store === undefined || running !== undefined || noted.size === 0) return
    running = inOwnContext(writeAll, store).finally(() => {
      running = undefined
      begin()
    })
  }

  async function writeAll(store: Pick<Store, 'transaction'>): Promise<void> {
    for (const [group, faults] of noted) {
      noted.delete(group)
      try {
        await write(store, faults)
      } catch (error) {
        for (const { target } of faults) tellings.forget(target)
        if (pausedUntilMs.size >= maxFailed) pausedUntilMs.clear()
        pausedUntilMs.set(group, clock() + failedMs)
        onFailed(faults[0]?.tenantId, error)
      }
    }
  }

  return {
    note(row) {
      if (row.used || neverRecorded.has(row.kind)) return
      const group = row.tenantId ?? ''
      if (clock() < (pausedUntilMs.get(group) ?? 0)) return
      const target = `${row.table}/${row.key}`
      const answer = tellings.ask(group, target)
      if (answer === 'no') return
      noted.set(group, [...(noted.get(group) ?? []), { ...row, target, isLast: answer === 'last' }])
      begin()
    },
    open(store) {
      opened = store
      begin()
    },
    async settle() {
      while (running !== undefined) await running
    },
    async close() {
      opened = undefined
      noted.clear()
      await running
    },
  }
}

/** Those of one tenant. */
async function write(store: Pick<Store, 'transaction'>, faults: readonly NotedFault[]): Promise<void> {
  await store.transaction(async (transaction) => {
    const { recordedFaults } = transaction
    const chains = new Map<string, NotedFault[]>()
    for (const fault of faults) {
      const claimed = await tenantOf(transaction, fault)
      const chain = claimed !== undefined && (await recordedFaults.isTenant(claimed)) ? claimed : ''
      chains.set(chain, [...(chains.get(chain) ?? []), fault])
    }
    // Chains are locked in one order.
    for (const chain of [...chains.keys()].sort()) {
      const tenantId = chain === '' ? undefined : chain
      const recent = await recordedFaults.lockRecent(tenantId, periodSeconds)
      for (const { target, kind, fault, isLast } of chains.get(chain) ?? []) {
        if (recent.has(target) || recent.size >= mostInHour) continue
        recent.add(target)
        const mayBeMore = isLast || recent.size === mostInHour
        transaction.audit({
          ...{ tenantId, actor: systemActor, action: faultAction, targetId: target },
          details: { kind, fault, ...(mayBeMore && { more: 'not recorded for an hour' }) },
        })
      }
    }
  })
}

/** The row of a failure names its key job alone. */
async function tenantOf(
  { recordedFaults }: Pick<Store, 'recordedFaults'>,
  { kind, key, tenantId }: FaultyRow,
): Promise<string | undefined> {
  if (tenantId !== undefined || (kind !== 'keyJobFailure' && kind !== 'keyJobProgress')) return tenantId
  return recordedFaults.findTenantOfKeyJob(key.split('/')[0] ?? '')
}
