// One question about one key, as it is put to the key's own region and to the others. Which of them are asked, and in
// which order, is decided in ask-regions.ts.
import {
  isKeyholdError,
  keyArnInRegion,
  parseKeyArn,
  type KeyAccess,
  type KmsCallOptions,
  type KnownRefusal,
  type StandInFailure,
} from '@keyhold/core'
import type { AwsCallOptions } from './aws-call.ts'
import type { RegionMemory } from './region-memory.ts'

/** How long a question may take in all regions together. */
const totalMs = 3_000
/** How long a second try in one region may take. */
export const secondTryMs = 1_000

/** Where a call goes, and with which options. */
export interface Target {
  /** The key's ARN in that region. */
  keyArn: string
  region: string
  options: AwsCallOptions
}

/** A question about one key. */
export interface RegionalQuestion<Result> {
  keyArn: string
  tenantId: string
  access: KeyAccess
  /** For disaster recovery: which regions stand in for which, in order. */
  drRegions: ReadonlyMap<string, readonly string[]>
  ask: (target: Target) => Promise<Result>
  /** Throws where a state that refused is still there. */
  confirmUsable: (target: Target, refused: KnownRefusal) => Promise<void>
  options: KmsCallOptions
}

export interface RegionalAnswer<Result> {
  answer: Result
  region: string
}

export interface KeyInRegions<Result> {
  /** The key's own region. */
  readonly region: string
  readonly hasOthers: boolean
  /** Whether the caller has given up. */
  isGivenUp(): boolean
  /** Asks the own region, and remembers what its answer says about the region and the key. */
  askOwn(call: AwsCallOptions): Promise<RegionalAnswer<Result>>
  /**
   * Asks the other regions until one answers. Their refusals decide nothing, since they are not the own region's.
   */
  askOthers(): Promise<{ answered: RegionalAnswer<Result> | undefined; failures: StandInFailure[] }>
}

export function keyInRegions<Result>(
  { keyArn, tenantId, access, drRegions, ask, confirmUsable, options }: RegionalQuestion<Result>,
  memory: Pick<RegionMemory, 'answered' | 'failed'>,
  clock: () => number,
): KeyInRegions<Result> {
  const endMs = clock() + totalMs
  const own = parseKeyArn(keyArn)
  const { region } = own
  const { role, replicaRegions } = access
  const standIns = new Set([...(drRegions.get(region) ?? []), ...replicaRegions])
  standIns.delete(region)
  const others = Array.from(standIns).flatMap((other) => {
    const arn = keyArnInRegion(own, other)
    return arn === undefined ? [] : [{ keyArn: arn, region: other }]
  })

  async function askIn(
    at: { keyArn: string; region: string },
    call: AwsCallOptions,
  ): Promise<RegionalAnswer<Result>> {
    const target = { ...at, options: { ...options, ...(role !== undefined && { role }), ...call } }
    const refused = access.refusedIn?.find((each) => each.region === at.region)
    if (refused === undefined) return { answer: await ask(target), region: at.region }
    // Side by side, so that a region that is away is waited for once. Without the confirmation no answer leaves.
    const [confirmed, asked] = await Promise.allSettled([confirmUsable(target, refused), ask(target)])
    if (confirmed.status === 'rejected') throw confirmed.reason
    if (asked.status === 'rejected') throw asked.reason
    return { answer: asked.value, region: at.region }
  }

  const isGivenUp = () => options.signal?.aborted === true

  return {
    region,
    hasOthers: others.length > 0,
    isGivenUp,

    async askOwn(call) {
      try {
        const answered = await askIn({ keyArn, region }, call)
        memory.answered(keyArn, region, tenantId)
        return answered
      } catch (error) {
        // A caller that gave up says nothing about the region.
        if (isKeyholdError(error) && !isGivenUp()) memory.failed(keyArn, region, tenantId, error.code)
        throw error
      }
    },

    async askOthers() {
      const failures: StandInFailure[] = []
      for (const other of others) {
        const timeoutMs = Math.max(secondTryMs, Math.floor(endMs - clock()))
        try {
          return { answered: await askIn(other, { timeoutMs }), failures }
        } catch (error) {
          if (!isKeyholdError(error)) throw error
          failures.push({ region: other.region, code: error.code })
          if (isGivenUp()) break
        }
      }
      return { answered: undefined, failures }
    },
  }
}
