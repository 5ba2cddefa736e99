// Looks again and again at what this replica has verified since it looked last, and has it written outside of the database: the
// generation, and the decisions that stand in the row as it is then. All of that was committed before, so what is written may
// lag behind the database and is never ahead of it. It also looks which tenants are older than what is remembered.
import type { Generations } from '../../store/authentic/seen-generations.ts'
import { isRowFault } from '../../store/authentic/row-faults.ts'
import type { Known } from '../../store/generations/generation-facts.ts'
import type { Store } from '../../store/store.ts'
import type { GenerationRecord } from './generation-records.ts'
import type { GenerationWriter } from './generation-writer.ts'

export interface GenerationRoundParts {
  store: Pick<Store, 'generations' | 'macs' | 'tenants' | 'guards'>
  generations: Pick<Generations, 'fences' | 'guards' | 'installation'>
  writer: GenerationWriter
  /** The tenants of which something is remembered from an earlier life. */
  tenants: readonly string[]
  /** Receives each tenant that is found to be older, once. */
  onOlder: (tenantId: string) => void
  /** Receives each of them whose rows are the newest ones again. */
  onNewest: (tenantId: string) => void
}

export interface GenerationRounds {
  /** Looks for some two seconds. The next round goes on where it ended. */
  round(): Promise<void>
  /** How many tenants are older than what this replica remembers, as far as it has looked. */
  older(): number
}

const roundMs = 2_000
const tenantsAtOnce = 500

export function createGenerationRounds(parts: GenerationRoundParts): GenerationRounds {
  const { store, generations, writer } = parts
  const pending = {
    fences: new Map<string, number>(),
    guards: new Map<string, number>(),
    installation: new Map<string, number>(),
  }
  let unlooked = [...parts.tenants]
  const older = new Set<string>()

  function takeRaised(): void {
    for (const kind of ['fences', 'guards', 'installation'] as const)
      for (const [name, generation] of generations[kind].takeRaised()) pending[kind].set(name, generation)
  }

  async function* recordsOf(): AsyncGenerator<GenerationRecord> {
    for (const [tenantId, generation] of pending.installation) {
      const found = await factsOf(() => store.generations.readInstallation())
      pending.installation.delete(tenantId)
      yield { kind: 'installation', tenantId, ...atLeast(generation, found) }
    }
    for (const [tenantId, generation] of pending.guards) {
      const found = await factsOf(() => store.generations.readGuard(tenantId))
      pending.guards.delete(tenantId)
      yield { kind: 'guard', tenantId, ...atLeast(generation, found) }
    }
    for (const [tenantId, generation] of pending.fences) {
      const found = await factsOf(() => store.generations.readFence(tenantId))
      pending.fences.delete(tenantId)
      yield { kind: 'fence', tenantId, ...atLeast(generation, found) }
    }
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

  /** Compares without looking at MACs, and reads what seems to be older as every reader does. */
  async function look(tenantIds: readonly string[]): Promise<void> {
    const before = new Map(
      tenantIds.map((id) => [id, { fence: generations.fences.get(id), guard: generations.guards.get(id) }]),
    )
    const unseen = new Set(older)
    for (const { tenantId, fence, guard = 0 } of await store.generations.glance(tenantIds)) {
      const known = before.get(tenantId)
      const seemsOlder = known !== undefined && (fence < known.fence || guard < known.guard)
      if (!seemsOlder || !(await isOlder(tenantId))) continue
      unseen.delete(tenantId)
      if (older.has(tenantId)) continue
      older.add(tenantId)
      parts.onOlder(tenantId)
    }
    for (const tenantId of tenantIds) {
      if (!unseen.has(tenantId)) continue
      older.delete(tenantId)
      parts.onNewest(tenantId)
    }
  }

  async function lookForOlder(endMs: number): Promise<void> {
    const again = [...older]
    for (let index = 0; index < again.length; index += tenantsAtOnce)
      await look(again.slice(index, index + tenantsAtOnce))
    while (unlooked.length > 0 && performance.now() < endMs) {
      await look(unlooked.slice(0, tenantsAtOnce))
      unlooked = unlooked.slice(tenantsAtOnce)
    }
  }

  return {
    async round() {
      const endMs = performance.now() + roundMs
      // Before the adoption rows need no MAC: what they say must not get one.
      if (!store.macs.requiresMacs()) return
      takeRaised()
      const records: GenerationRecord[] = []
      try {
        for await (const record of recordsOf()) {
          records.push(record)
          if (performance.now() >= endMs) break
        }
      } finally {
        // Also for what the disk has not taken before.
        writer.write(records)
      }
      await lookForOlder(endMs)
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
