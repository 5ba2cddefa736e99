// Asks the key's own region, and where that one is away, the same key in another region. After a denial no other region
// is asked: a customer who takes the key away in its own region has taken it away.
import {
  isErrorOfKind,
  isKeyholdError,
  KeyholdError,
  type ErrorCode,
  type KeyAccess,
  type KmsAnswer,
  type KmsCallOptions,
  type KnownRefusal,
  type StandInFailure,
} from '@keyhold/core'
import {
  keyInRegions,
  secondTryMs,
  type KeyInRegions,
  type RegionalAnswer,
  type Target,
} from './key-in-regions.ts'
import { createRegionMemory } from './region-memory.ts'

export type { Target } from './key-in-regions.ts'

// How long the own region may take where others can stand in, with all pauses after throttling. The others get the rest
// of the time.
const ownRegionMs = 1_800

export interface AskRegionsOptions {
  /** For disaster recovery: which regions stand in for which, in order. */
  drRegions: ReadonlyMap<string, readonly string[]>
  /** Answers how a key is reached, before each call. Default: as Keyhold itself, no other regions known. */
  findKeyAccess?: ((keyArn: string, tenantId: string) => Promise<KeyAccess>) | undefined
  onAnswer?: ((answer: KmsAnswer) => void) | undefined
  /** Asks for the state of a key that refused when it was last seen; throws where it still does. */
  confirmUsable: (key: KeyName, target: Target, refused: KnownRefusal) => Promise<void>
  /** Monotonic milliseconds. */
  clock?: (() => number) | undefined
}

export type AskRegions = <Result>(
  key: KeyName,
  ask: (target: Target) => Promise<Result>,
  options?: KmsCallOptions,
) => Promise<Result>

export interface KeyName {
  keyArn: string
  tenantId: string
}

/** Without an outage, the key's own region answered. */
interface Answered<Result> extends RegionalAnswer<Result> {
  outage?: ErrorCode
}

const ownAccess: KeyAccess = { role: undefined, replicaRegions: [] }

export function createAskRegions({
  drRegions,
  findKeyAccess = () => Promise.resolve(ownAccess),
  onAnswer,
  confirmUsable,
  clock = () => performance.now(),
}: AskRegionsOptions): AskRegions {
  const memory = createRegionMemory(clock)

  function askInOrder<Result>(
    { keyArn, tenantId }: KeyName,
    regions: KeyInRegions<Result>,
    isDenied: boolean,
  ): Promise<Answered<Result>> {
    if (!regions.hasOthers || isDenied || memory.isDenied(keyArn, tenantId)) return regions.askOwn({})
    const away = memory.away(keyArn, regions.region)
    if (away !== undefined && away !== 'try-again') return askOthersFirst(regions, away)
    const sinceMs = clock()
    return askOwnFirst(regions, away === 'try-again' ? secondTryMs : ownRegionMs, {
      findOutage: () => memory.awaySince(keyArn, regions.region, sinceMs),
      isDenied: () => memory.isDenied(keyArn, tenantId),
    })
  }

  return async (key, ask, options = {}) => {
    const access = await findKeyAccess(key.keyArn, key.tenantId)
    const question = {
      ...{ ...key, access, drRegions, ask, options },
      confirmUsable: (target: Target, refused: KnownRefusal) => confirmUsable(key, target, refused),
    }
    const regions = keyInRegions(question, memory, clock)
    const { answer, region, outage } = await askInOrder(key, regions, access.isDenied === true)
    onAnswer?.({ ...key, region, outage })
    return answer
  }
}

/** The own region was away a moment ago: it is asked only where no other one answers. */
async function askOthersFirst<Result>(
  regions: KeyInRegions<Result>,
  outage: ErrorCode,
): Promise<Answered<Result>> {
  const { answered, failures } = await regions.askOthers()
  if (answered !== undefined) return { ...answered, outage }
  try {
    return await regions.askOwn({ timeoutMs: secondTryMs })
  } catch (error) {
    throw withStandIns(error, failures)
  }
}

/** The others are asked only after an outage of the own region. */
async function askOwnFirst<Result>(
  regions: KeyInRegions<Result>,
  timeoutMs: number,
  known: { findOutage: () => ErrorCode | undefined; isDenied: () => boolean },
): Promise<Answered<Result>> {
  // The call may have to wait for its turn, and others may have found out meanwhile that the region is away.
  const beforeSend = () => {
    const code = known.findOutage()
    if (code !== undefined) throw new KeyholdError(code, { details: { region: regions.region } })
  }
  try {
    return await regions.askOwn({ timeoutMs, beforeSend })
  } catch (error) {
    if (!isErrorOfKind(error, 'outage') || known.isDenied() || regions.isGivenUp()) throw error
    const { answered, failures } = await regions.askOthers()
    if (answered === undefined) throw withStandIns(error, failures)
    return { ...answered, outage: error.code }
  }
}

/** The own region's error, which decides, with what the other regions answered. */
function withStandIns(error: unknown, standIns: readonly StandInFailure[]): unknown {
  if (!isKeyholdError(error) || standIns.length === 0) return error
  const { code, message, cause, details } = error
  return new KeyholdError(code, { message, cause, details, standIns })
}
