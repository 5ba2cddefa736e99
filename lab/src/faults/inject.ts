// The faults that come from outside, each for a bounded time. Failpoints are those from inside.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { leadSeconds, type Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import type { Replica } from '../../../testkit/src/cluster/create-replica.ts'

interface FaultKind {
  weight: number
  /** The reason why it cannot be done here; undefined when it can. */
  obstacle?: (cluster: Cluster) => string | undefined
  run: (cluster: Cluster, random: SeededRandom) => Promise<void>
}

const freezeMs = leadSeconds * 1_500

export const faultKinds = {
  'kill a replica': {
    weight: 4,
    run: (cluster, random) => pickServing(cluster, random).kill(),
  },
  'kill all replicas': {
    weight: 1,
    run: async ({ replicas }) => {
      await Promise.all(replicas.map((replica) => replica.kill()))
    },
  },
  'kill the postmaster': { weight: 1, run: (cluster) => cluster.killPostgres() },
  'freeze past the lease': {
    weight: 1,
    run: (cluster, random) => pickServing(cluster, random).freeze(freezeMs),
  },
  'cut before COMMIT': { weight: 2, run: (cluster) => cutCommit(cluster, 'before') },
  'cut after COMMIT': { weight: 2, run: (cluster) => cutCommit(cluster, 'after') },
  'throttle the KMS': {
    weight: 1,
    run: ({ kms }) => whileFaulty(kms.faults.add({ kind: 'throttle', probability: 0.3 }), 2_000),
  },
  'break the KMS': {
    weight: 1,
    run: ({ kms }) => whileFaulty(kms.faults.add({ kind: 'error500', probability: 1 }), 1_000),
  },
  'refuse at the KMS': {
    weight: 1,
    run: ({ kms }) => whileFaulty(kms.faults.add({ kind: 'refuse' }), 1_000),
  },
  'lose notifications': {
    weight: 1,
    run: async ({ proxy }) => {
      proxy.loseNotifications = true
      await sleep(3_000)
      proxy.loseNotifications = false
    },
  },
  'fill the disk': {
    weight: 1,
    obstacle: ({ disk }) => (disk === undefined ? 'only root on Linux can mount a disk to fill' : undefined),
    run: async ({ disk }) => {
      await disk?.fill()
      await sleep(3_000)
      await disk?.free()
    },
  },
} as const satisfies Record<string, FaultKind>

export type FaultName = keyof typeof faultKinds

const names = Object.keys(faultKinds) as FaultName[]

/** The faults that cannot be done here, each with the reason. */
export function missingFaults(cluster: Cluster): string[] {
  return names.flatMap((name) => {
    const kind: FaultKind = faultKinds[name]
    const obstacle = kind.obstacle?.(cluster)
    return obstacle === undefined ? [] : [`${name}: ${obstacle}`]
  })
}

export function pickFault(cluster: Cluster, random: SeededRandom): FaultName {
  const missing = missingFaults(cluster)
  const possible = names.filter((name) => !missing.some((each) => each.startsWith(`${name}:`)))
  let at = random.next() * possible.reduce((sum, name) => sum + faultKinds[name].weight, 0)
  for (const name of possible) {
    at -= faultKinds[name].weight
    if (at < 0) return name
  }
  return 'kill a replica'
}

function pickServing({ replicas }: Cluster, random: SeededRandom): Replica {
  const serving = replicas.filter(({ url }) => url !== undefined)
  return random.pick(serving.length === 0 ? replicas : serving)
}

async function whileFaulty(remove: () => void, milliseconds: number): Promise<void> {
  await sleep(milliseconds)
  remove()
}

async function cutCommit({ proxy }: Cluster, how: 'before' | 'after'): Promise<void> {
  proxy.cutNextCommit(how)
  for (let waitedMs = 0; proxy.isCutWaiting() && waitedMs < 2_000; waitedMs += 50) await sleep(50)
}
