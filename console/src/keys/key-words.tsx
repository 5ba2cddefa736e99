// How pages speak of a key: its name, its state, its regions.
import type { KeyProvider } from '@keyhold/client'
import { Mark, type Tone } from '../parts/mark.tsx'
import { words } from '../words/words.ts'

const tones: Readonly<Record<string, Tone>> = {
  healthy: 'good',
  degraded: 'warn',
  throttled: 'warn',
  unknown: 'quiet',
}

/** The key that Keyhold has itself, which every tenant begins with. */
export function isInternal({ keyprovider }: Pick<KeyProvider, 'keyprovider'>): boolean {
  return keyprovider !== 'AWS-KMS'
}

export function nameOfKey(provider: Pick<KeyProvider, 'keyprovider' | 'name'>): string {
  return isInternal(provider) ? words.keys.internal : provider.name
}

export function StateMark({ state }: { state: string }) {
  return <Mark tone={tones[state] ?? 'bad'}>{words.keys.states[state] ?? state}</Mark>
}

/** The internal KMS is never asked, as it is a part of the server. */
export function KeyMark({ provider }: { provider: KeyProvider }) {
  if (provider.tampered === true) return <StateMark state="tampered" />
  return <StateMark state={isInternal(provider) ? 'healthy' : (provider.health?.state ?? 'unknown')} />
}

export function regionsOf(provider: KeyProvider): string[] {
  if (isInternal(provider)) return []
  const [, , , own = ''] = provider.arn.split(':')
  return [own, ...(provider.replicaKeys ?? []).map(({ region }) => region)].filter((region) => region !== '')
}
