// Chooses the failpoints that a replica is started with: one that kills it, and now and then another that it must survive.
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { failpointNames } from '../../../server/src/migration/engine/failpoint.ts'
import type { Replica } from '../../../testkit/src/cluster/create-replica.ts'

const survivableShare = 0.5
const survivable = ['cut', 'throw', 'delay:1500', 'delay:3000'] as const

export interface FailpointPlan {
  /** For KEYHOLD_FAILPOINTS. */
  next(): string
  /** The failpoints at which a replica was killed. */
  killedAt(): Set<string>
  /** How often each action was done. */
  actions(): Record<string, number>
}

export function createFailpointPlan(replicas: readonly Replica[], random: SeededRandom): FailpointPlan {
  const tries = new Map<string, number>()

  function killedAt(): Set<string> {
    return new Set(
      replicas.flatMap(({ acted }) =>
        acted.filter(({ action }) => action === 'kill').map(({ name }) => name),
      ),
    )
  }

  // Mostly failpoints that no replica has reached yet, and among those the ones that were tried least.
  function pick(): string {
    const hit = killedAt()
    const missed = failpointNames.filter((name) => !hit.has(name))
    const candidates = missed.length > 0 && random.next() < 0.7 ? missed : failpointNames
    const triesOf = (name: string) => tries.get(name) ?? 0
    const least = Math.min(...candidates.map(triesOf))
    const name = random.pick(candidates.filter((each) => triesOf(each) === least))
    tries.set(name, triesOf(name) + 1)
    return name
  }

  function hitOf(name: string): string {
    const isOften = /chunk|copy\.(before-update|before-commit|after-commit)/.test(name)
    return isOften ? `@${random.integer(1, 8)}` : ''
  }

  return {
    next() {
      const deadly = pick()
      const armed = [`${deadly}=kill${hitOf(deadly)}`]
      if (random.next() < survivableShare) {
        // A caller repeats a request that fails; the engine repeats a step that fails.
        const steps = failpointNames.filter((name) => !/\.(start|cancel)\./.test(name))
        const action = random.pick([...survivable])
        const name = random.pick(action === 'throw' ? steps : [...failpointNames])
        armed.push(`${name}=${action}${hitOf(name)}`)
      }
      return armed.join(',')
    },
    killedAt,
    actions() {
      const counts: Record<string, number> = {}
      for (const { action } of replicas.flatMap(({ acted }) => acted))
        counts[action] = (counts[action] ?? 0) + 1
      return counts
    },
  }
}
