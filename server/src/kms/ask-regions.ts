// Which region is asked: the key's own; and where that one is away, the same key in another. Never another after a
// denial: a customer who takes the key away in its own region has taken it away.
import {
  isErrorOfKind,
  isKeyholdError,
  keyArnInRegion,
  KeyholdError,
  parseKeyArn,
  type CustomerRole,
  type ErrorCode,
  type KeyAccess,
  type KmsAnswer,
  type KmsCallOptions,
} from '@keyhold/core'
import type { AwsCallOptions } from './aws-call.ts'
import { createRegionMemory } from './region-memory.ts'

const totalMs = 3_000
// Where others can stand in: so long is the own region waited for, with all pauses after throttling, and the rest of the
// time is theirs.
const ownRegionMs = 1_800
// A region that has just been away is tried with one attempt.
const secondTryMs = 1_000

export interface AskRegionsOptions {
  /** For disaster recovery: which regions stand in for which, in order. */
  drRegions: ReadonlyMap<string, readonly string[]>
  /** How a key is reached; asked before each call. Default: as Keyhold itself, no other regions known. */
  findKeyAccess?: ((keyArn: string, tenantId: string) => Promise<KeyAccess>) | undefined
  onAnswer?: ((answer: KmsAnswer) => void) | undefined
  /** Monotonic milliseconds. */
  clock?: (() => number) | undefined
}

/** Where a call goes, and with what. */
export interface Target {
  /** The key's ARN in that region. */
  keyArn: string
  region: string
  options: AwsCallOptions
}

export type AskRegions = <Result>(
  key: { keyArn: string; tenantId: string },
  ask: (target: Target) => Promise<Result>,
  options?: KmsCallOptions,
) => Promise<Result>

const ownAccess: KeyAccess = { role: undefined, replicaRegions: [] }

export function createAskRegions({
  drRegions,
  findKeyAccess = () => Promise.resolve(ownAccess),
  onAnswer,
  clock = () => performance.now(),
}: AskRegionsOptions): AskRegions {
  const memory = createRegionMemory(clock)

  return async (key, ask, options = {}) => {
    const { keyArn, tenantId } = key
    const parsed = parseKeyArn(keyArn)
    const { region } = parsed
    const { role, replicaRegions, isDenied } = await findKeyAccess(keyArn, tenantId)
    const others = [...new Set([...(drRegions.get(region) ?? []), ...replicaRegions])].flatMap((other) => {
      const arn = other === region ? undefined : keyArnInRegion(parsed, other)
      return arn === undefined ? [] : [{ keyArn: arn, region: other }]
    })
    const endMs = clock() + totalMs

    async function askIn(at: { keyArn: string; region: string }, call: AwsCallOptions) {
      const answer = await ask({ ...at, options: { ...options, ...withRole(role), ...call } })
      return { answer, region: at.region }
    }

    async function askOwn(call: AwsCallOptions) {
      try {
        const answered = await askIn({ keyArn, region }, call)
        memory.answered(keyArn, region, tenantId)
        return answered
      } catch (error) {
        // A caller that gave up says nothing about the region.
        if (isKeyholdError(error) && options.signal?.aborted !== true)
          memory.failed(keyArn, region, tenantId, error.code)
        throw error
      }
    }

    /** Undefined: none of them answered. Their denials are not the key's own region's, and decide nothing. */
    async function askOthers(failures: RegionFailure[]) {
      for (const other of others) {
        const timeoutMs = Math.max(secondTryMs, Math.floor(endMs - clock()))
        const answered = await askIn(other, { timeoutMs }).catch((error: unknown) => {
          if (!isKeyholdError(error)) throw error
          failures.push({ region: other.region, error })
          return undefined
        })
        if (answered !== undefined || options.signal?.aborted === true) return answered
      }
      return undefined
    }

    function tell<Answered extends { answer: unknown; region: string }>(
      { answer, region: answering }: Answered,
      outage: ErrorCode | undefined,
    ): Answered['answer'] {
      onAnswer?.({ keyArn, tenantId, region: answering, outage })
      return answer
    }

    if (others.length === 0 || isDenied === true || memory.isDenied(keyArn, tenantId))
      return tell(await askOwn({}), undefined)
    const wasAway = memory.away(keyArn, region)
    if (wasAway !== undefined && wasAway !== 'try-again') {
      const failures: RegionFailure[] = []
      const answered = await askOthers(failures)
      if (answered !== undefined) return tell(answered, wasAway)
      try {
        return tell(await askOwn({ timeoutMs: secondTryMs }), undefined)
      } catch (error) {
        throw withFailures(error, failures)
      }
    }
    try {
      const startMs = clock()
      const call = {
        timeoutMs: wasAway === 'try-again' ? secondTryMs : ownRegionMs,
        // Its turn may come after others have found out that the region is away.
        beforeSend: () => {
          const code = memory.awaySince(keyArn, region, startMs)
          if (code !== undefined) throw new KeyholdError(code, { details: { region } })
        },
      }
      return tell(await askOwn(call), undefined)
    } catch (error) {
      const mayStandIn = isErrorOfKind(error, 'outage') && !memory.isDenied(keyArn, tenantId)
      if (!mayStandIn || options.signal?.aborted === true) throw error
      const failures: RegionFailure[] = []
      const answered = await askOthers(failures)
      if (answered === undefined) throw withFailures(error, failures)
      return tell(answered, error.code)
    }
  }
}

interface RegionFailure {
  region: string
  error: KeyholdError
}

/** The own region's error, which decides, with what the other regions answered. */
function withFailures(error: unknown, failures: readonly RegionFailure[]): unknown {
  if (!isKeyholdError(error) || failures.length === 0) return error
  const standIns = failures.map((failure) => ({ region: failure.region, code: failure.error.code }))
  const { code, message, cause, details } = error
  return new KeyholdError(code, { message, cause, details, standIns })
}

function withRole(role: CustomerRole | undefined): AwsCallOptions {
  return role === undefined ? {} : { role }
}
