// Looks again and again at what this replica has verified since it looked last, and has it written outside of the database: the
// generation, and the decisions that stand in the row as it is then. All of that was committed before, so what is written may
// lag behind the database and is never ahead of it. It also looks which tenants are older than what is remembered.
import { setTimeout as pause } from 'node:timers/promises'
import type { Generations } from '../../store/authentic/seen-generations.ts'
import { isRowFault } from '../../store/authentic/row-faults.ts'
import type { Known } from '../../store/generations/generation-facts.ts'
import type { Store } from '../../store/store.ts'
import type { GenerationRecord } from './generation-records.ts'
import type { GenerationWriter } from './generation-writer.ts'

export interface GenerationRoundParts {
  store: Pick<Store, 'generations' | 'macs' | 'tenants' | 'guards' | 'destructions'>
  generations: Pick<Generations, 'fences' | 'guards' | 'installation'>
  writer: GenerationWriter
  /** The tenants of which something is remembered from an earlier life. */
  tenants: readonly string[]
  /** Rows whose newest generation is remembered, and not what was decided with it. Default: none. */
  unclear?: readonly Pick<GenerationRecord, 'kind' | 'tenantId' | 'generation'>[]
  /** Receives each tenant that is found to be older, once. */
  onOlder: (tenantId: string) => void
  /** Receives each of them whose rows are the newest ones again, or that was deleted as Keyhold deletes a tenant. */
  onOver: (tenantId: string, how: 'newest' | 'deleted') => void
}

export interface GenerationRounds {
  /** Looks for some two seconds. The next round goes on where it ended. */
  round(): Promise<void>
  /**
   * Has a row that was just changed written at once, and waits until it is on disk, or for a second. Never throws: what cannot
   * be read or written now is kept by a later round.
   */
  keep(kind: GenerationRecord['kind'], tenantId: string): Promise<void>
  /** The last round: what cannot be read in time is kept without its decisions. Never throws. */
  end(): Promise<void>
  /** How many tenants are older than what this replica remembers, as far as it has looked. */
  older(): number
}

const roundMs = 2_000
const endMs = 1_000
// A disk that hangs must not hold up the answer to who locks a tenant.
const keepMs = 1_000
const tenantsAtOnce = 500
// A look at so many that are older takes some tens of milliseconds.
const mostLookedAtAgain = 10_000

const memoryOf = { fence: 'fences', guard: 'guards', installation: 'installation' } as const

export function createGenerationRounds(parts: GenerationRoundParts): GenerationRounds {
  const { store, generations, writer } = parts
  const pending = {
    fences: new Map<string, number>(),
    guards: new Map<string, number>(),
    installation: new Map<string, number>(),
  }
  for (const { kind, tenantId, generation } of parts.unclear ?? [])
    pending[memoryOf[kind]].set(tenantId, generation)
  let unlooked = [...parts.tenants]
  const older = new Set<string>()
  let lookedAgain = 0

  function takeRaised(): void {
    for (const kind of ['fences', 'guards', 'installation'] as const)
      for (const [name, generation] of generations[kind].takeRaised()) pending[kind].set(name, generation)
  }

  /** As the row is now. */
  async function recordOf(
    kind: GenerationRecord['kind'],
    tenantId: string,
    generation: number,
  ): Promise<GenerationRecord> {
    const { generations: rows } = store
    if (kind === 'installation')
      return { kind, tenantId, ...atLeast(generation, await factsOf(() => rows.readInstallation())) }
    if (kind === 'guard')
      return { kind, tenantId, ...atLeast(generation, await factsOf(() => rows.readGuard(tenantId))) }
    return { kind, tenantId, ...atLeast(generation, await factsOf(() => rows.readFence(tenantId))) }
  }

  async function* recordsOf(): AsyncGenerator<GenerationRecord> {
    for (const kind of ['installation', 'guard', 'fence'] as const) {
      const ofKind = pending[memoryOf[kind]]
      for (const [tenantId, generation] of ofKind) {
        const record = await recordOf(kind, tenantId, generation)
        ofKind.delete(tenantId)
        yield record
      }
    }
  }

  async function keepNow(kind: GenerationRecord['kind'], tenantId: string): Promise<void> {
    const ofKind = pending[memoryOf[kind]]
    takeRaised()
    const known = generations[memoryOf[kind]].get(tenantId)
    const record = await recordOf(kind, tenantId, known)
    if (record.generation > 0) writer.write([record])
    if ((ofKind.get(tenantId) ?? 0) <= (record.known?.generation ?? -1)) ofKind.delete(tenantId)
    await writer.settled()
  }

  async function isOlder(tenantId: string): Promise<boolean> {
    try {
      await store.tenants.findFence(tenantId)
      await store.guards.findRow(tenantId)
      return false
    } catch (error) {
      if (isRowFault(error)) return true
      throw error
    }
  }

  /**
   * An alarm ends only by rows that verify: one that was forged or taken away shows no older generation either. The rows of a tenant
   * that was deleted are gone for ever, and the destruction that says so has a MAC.
   */
  async function endOf(tenantId: string): Promise<'newest' | 'deleted' | undefined> {
    try {
      const fence = await store.generations.readFence(tenantId)
      if (fence === undefined) {
        const last = await store.destructions.findLastOfTenant(tenantId)
        return last?.destroyedAt === undefined ? undefined : 'deleted'
      }
      await store.generations.readGuard(tenantId)
      return 'newest'
    } catch (error) {
      if (isRowFault(error)) return undefined
      throw error
    }
  }

  /** Compares without looking at MACs, and reads what seems to be older as every reader does. */
  async function look(tenantIds: readonly string[]): Promise<void> {
    const before = new Map(
      tenantIds.map((id) => [id, { fence: generations.fences.get(id), guard: generations.guards.get(id) }]),
    )
    const unseen = new Set(older)
    for (const { tenantId, fence, guard = 0 } of await store.generations.glance(tenantIds)) {
      const known = before.get(tenantId)
      const seemsOlder = known !== undefined && (fence < known.fence || guard < known.guard)
      if (!seemsOlder) continue
      const isKnown = older.has(tenantId)
      if (!isKnown && !(await isOlder(tenantId))) continue
      unseen.delete(tenantId)
      if (isKnown) continue
      older.add(tenantId)
      parts.onOlder(tenantId)
    }
    for (const tenantId of tenantIds) {
      const end = unseen.has(tenantId) ? await endOf(tenantId) : undefined
      if (end === undefined) continue
      older.delete(tenantId)
      parts.onOver(tenantId, end)
    }
  }

  async function lookForOlder(untilMs: number): Promise<void> {
    // In turn, where they are more than one round looks at.
    if (lookedAgain >= older.size) lookedAgain = 0
    const again = [...older].slice(lookedAgain, lookedAgain + mostLookedAtAgain)
    lookedAgain += again.length
    for (let index = 0; index < again.length; index += tenantsAtOnce)
      await look(again.slice(index, index + tenantsAtOnce))
    while (unlooked.length > 0 && performance.now() < untilMs) {
      await look(unlooked.slice(0, tenantsAtOnce))
      unlooked = unlooked.slice(tenantsAtOnce)
    }
  }

  async function readPending(untilMs: number): Promise<void> {
    // Before the adoption rows need no MAC: what they say must not get one.
    if (!store.macs.requiresMacs()) return
    takeRaised()
    const records: GenerationRecord[] = []
    try {
      for await (const record of recordsOf()) {
        records.push(record)
        if (performance.now() >= untilMs) break
      }
    } finally {
      // Also for what the disk has not taken before.
      writer.write(records)
    }
  }

  return {
    async round() {
      const untilMs = performance.now() + roundMs
      await readPending(untilMs)
      await lookForOlder(untilMs)
    },
    async keep(kind, tenantId) {
      if (!store.macs.requiresMacs()) return
      const kept = keepNow(kind, tenantId).catch(() => undefined)
      await Promise.race([kept, pause(keepMs, undefined, { ref: false })])
    },
    async end() {
      // A database that is away keeps nobody from remembering that a row was changed.
      const read = readPending(performance.now() + endMs).catch(() => undefined)
      await Promise.race([read, pause(endMs, undefined, { ref: false })])
      for (const kind of ['fence', 'guard', 'installation'] as const) {
        const left = [...pending[memoryOf[kind]]]
        writer.write(left.map(([tenantId, generation]) => ({ kind, tenantId, generation, known: undefined })))
      }
      await Promise.race([writer.settled(), pause(endMs, undefined, { ref: false })])
    },
    older: () => older.size,
  }
}

/** Undefined: the row is not there, or is not as it should be. Its generation is remembered all the same. */
async function factsOf<Facts>(
  read: () => Promise<Known<Facts> | undefined>,
): Promise<Known<Facts> | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isRowFault(error)) return undefined
    throw error
  }
}

function atLeast<Facts>(generation: number, known: Known<Facts> | undefined) {
  return { generation: Math.max(generation, known?.generation ?? 0), known }
}
