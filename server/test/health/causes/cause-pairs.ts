// Pairs of a refusal and of what merely keeps Keyhold from an answer, generated from the table of causes: an outage, or a
// refusal by Keyhold's own side.
import { kindOf } from '@keyhold/core'
import { replicated, type MakeKey, type OwnCause } from './cause-scene.ts'
import { causes } from './causes-of-keys.ts'
import { behindRole, external, imported } from './special-keys.ts'

export interface CausePair {
  refusal: OwnCause
  away: OwnCause
  makeKey: MakeKey
  /** Whether the key has a replica, which may answer for it while its own region is away. */
  hasReplica: boolean
}

// The others need a region of their own.
const kindsOfKeys: ReadonlySet<MakeKey> = new Set([replicated, imported, behindRole, external])

const codeOf = ({ answer }: OwnCause) => answer.split(' ')[1] ?? ''
const candidates = causes.filter(({ makeKey }) => makeKey === undefined || kindsOfKeys.has(makeKey))
const refusals = candidates.filter((cause) => kindOf(codeOf(cause)) === 'denial')
const aways = candidates.filter((cause) => ['outage', 'ours'].includes(kindOf(codeOf(cause))))

/** Undefined: the two need keys of different kinds. */
function pairOf(refusal: OwnCause, away: OwnCause): CausePair | undefined {
  const kinds = [refusal, away].flatMap(({ makeKey = replicated }) =>
    makeKey === replicated ? [] : [makeKey],
  )
  const [makeKey = replicated, second = makeKey] = kinds
  if (second !== makeKey) return undefined
  // Through a role of the customer's, Keyhold's own policies do not count.
  if (makeKey === behindRole && kindOf(codeOf(away)) === 'ours') return undefined
  return { refusal, away, makeKey, hasReplica: makeKey !== external }
}

/** Each refusal with each outage. */
export function allPairs(): CausePair[] {
  return refusals.flatMap((refusal) => aways.flatMap((away) => pairOf(refusal, away) ?? []))
}

/** Some of them, so that each refusal and each outage is in one at least, and none is in many. */
export function somePairs(): CausePair[] {
  const left = allPairs()
  const uses = new Map<OwnCause, number>()
  const usesOf = (cause: OwnCause) => uses.get(cause) ?? 0
  const chosen: CausePair[] = []
  for (const cause of [...refusals, ...aways]) {
    if (usesOf(cause) > 0) continue
    const [best] = left
      .filter(({ refusal, away }) => refusal === cause || away === cause)
      .sort((a, b) => usesOf(a.refusal) + usesOf(a.away) - usesOf(b.refusal) - usesOf(b.away))
    if (best === undefined) throw new Error(`nothing goes with: ${cause.cause}`)
    chosen.push(best)
    for (const each of [best.refusal, best.away]) uses.set(each, usesOf(each) + 1)
  }
  return chosen
}
