// Judges a run: which tenants go on, which answers the others get, which states the keys show, and that the outage ends.
import { kindOf } from '@keyhold/core'
import type { RegionDownResult } from './region-down-result.ts'

const recoverySeconds = 60
const shownWithinSeconds = 30

/** Everything that must not be. */
export function problemsOf({
  phases,
  shown,
  returns,
}: Pick<RegionDownResult, 'phases' | 'shown' | 'returns'>): string[] {
  const problems: string[] = []
  for (const { phase, tenants, keyChanges } of phases) {
    const isAfter = phase.startsWith('after')
    for (const [kind, { failed, answers, lastFailedAfter = 0 }] of Object.entries(tenants)) {
      const isToGoOn = phase === 'before' || kind === 'with a replica' || kind === 'internal KMS'
      if (isToGoOn && failed > 0) problems.push(`${phase}: ${kind}: ${JSON.stringify(answers)}`)
      if (isAfter && lastFailedAfter > recoverySeconds)
        problems.push(`${phase}: ${kind}: refused for ${lastFailedAfter} s`)
      for (const [answer, count] of Object.entries(answers))
        if (!isOutage(answer)) problems.push(`${phase}: ${kind}: ${answer} × ${count}`)
    }
    for (const { what, outcome } of keyChanges)
      if (what === 'new tenant key' && outcome !== 'done') problems.push(`${phase}: ${what}: ${outcome}`)
  }
  for (const { outage, kind, shown: states } of shown) {
    const expected = kind === 'with a replica' ? 'degraded' : 'unreachable'
    const allowed = new Set(['healthy', 'unreachable', expected])
    for (const { state } of states)
      if (!allowed.has(state)) problems.push(`${outage}: ${kind}: shown as ${state}`)
    // Only a long outage must be shown: it takes a second answer of the KMS and the administrator's next look.
    const { seconds = 0 } = phases.find(({ phase }) => phase === outage) ?? {}
    if (seconds >= shownWithinSeconds && !states.some(({ state }) => state === expected))
      problems.push(`${outage}: ${kind}: never ${expected}`)
  }
  for (const { outage, ownRegionUsedAfter } of returns)
    if (ownRegionUsedAfter === undefined) problems.push(`${outage}: the own region was not used again`)
  return problems
}

/** @param answer - `status code` */
function isOutage(answer: string): boolean {
  const [status, code = ''] = answer.split(' ')
  return status === '503' && kindOf(code) === 'outage'
}
