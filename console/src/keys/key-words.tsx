// How pages speak of a key: its name, its state, its regions. A key comes from the overview, or as a key provider.
import type { KeyProvider, Overview } from '@keyhold/client'
import { Mark, type Tone } from '../parts/mark.tsx'
import { words } from '../words/words.ts'

export type ShownKey = Overview['keys'][number] | KeyProvider

const tones: Readonly<Record<string, Tone>> = {
  healthy: 'good',
  degraded: 'warn',
  throttled: 'warn',
  unknown: 'quiet',
}

/** The key that Keyhold has itself, which every tenant begins with. */
export function isInternal(key: ShownKey): boolean {
  return 'internal' in key ? key.internal : key.keyprovider !== 'AWS-KMS'
}

export function nameOfKey(key: ShownKey): string {
  return isInternal(key) ? words.keys.internal : key.name
}

export function StateMark({ state }: { state: string }) {
  return <Mark tone={tones[state] ?? 'bad'}>{words.keys.states[state] ?? state}</Mark>
}

/** The internal KMS is never asked, as it is a part of the server. */
export function KeyMark({ shown }: { shown: ShownKey }) {
  if (shown.tampered === true) return <StateMark state="tampered" />
  return <StateMark state={isInternal(shown) ? 'healthy' : (shown.health?.state ?? 'unknown')} />
}

export function regionsOf(key: ShownKey): string[] {
  if (isInternal(key)) return []
  const asked = (key.health?.regions ?? []).map(({ region }) => region)
  const [, , , own = ''] = key.arn.split(':')
  return asked.length > 0 ? asked : [own].filter((region) => region !== '')
}
