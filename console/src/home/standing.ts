// The one sentence of the first page: is everything well, since when not, and who has to act.
import type { KeyHealth, KeyProvider, TenantLock } from '@keyhold/client'
import type { Tone } from '../parts/mark.tsx'
import { timeText, words } from '../words/words.ts'

export type Owner = keyof typeof words.owner

export interface Standing {
  owner: Owner
  tone: Tone
  title: string
  text: string
  /** Where the owner, if it is the reader, goes from here. */
  leadsTo?: 'lock' | 'key'
}

type State = KeyHealth['state']

const regionOf = (health: KeyHealth): string => health.regions[0]?.region ?? ''

const byState: Readonly<Record<Exclude<State, 'healthy'>, (health: KeyHealth) => Standing>> = {
  denied: (health) => closed('denied', health),
  disabled: (health) => closed('disabled', health),
  pendingDeletion: (health) => closed('pendingDeletion', health),
  notFound: (health) => closed('notFound', health),
  degraded: (health) => ({
    owner: 'nobody',
    tone: 'warn',
    title: words.banner.degraded(regionOf(health)),
    text: words.banner.degradedText(timeText(health.since)),
    leadsTo: 'key',
  }),
  throttled: away,
  unreachable: away,
  misconfigured: (health) => ({
    owner: 'operator',
    tone: 'bad',
    title: words.banner.misconfigured,
    text: words.banner.misconfiguredText(timeText(health.since)),
    leadsTo: 'key',
  }),
  tampered: () => ({
    owner: 'operator',
    tone: 'bad',
    title: words.banner.tampered,
    text: words.banner.tamperedText,
    leadsTo: 'key',
  }),
}

function closed(state: 'denied' | 'disabled' | 'pendingDeletion' | 'notFound', health: KeyHealth): Standing {
  return {
    owner: 'key',
    tone: 'bad',
    title: words.banner[state],
    text: words.banner[`${state}Text`](timeText(health.since), regionOf(health)),
    leadsTo: 'key',
  }
}

function away(health: KeyHealth): Standing {
  return {
    owner: 'aws',
    tone: 'bad',
    title: words.banner.away(regionOf(health)),
    text: words.banner.awayText(timeText(health.since)),
    leadsTo: 'key',
  }
}

/** The gravest thing first: a lock of the tenant's own people, then its key. */
export function standingOf(
  tenant: string,
  current: Pick<KeyProvider, 'health' | 'keyprovider'> | undefined,
  lock: TenantLock | undefined,
): Standing {
  if (lock?.locked === true) {
    return {
      owner: 'you',
      tone: 'bad',
      title: words.banner.locked(tenant),
      text: words.banner.lockedText(timeText(lock.lockedAt ?? '')),
      leadsTo: 'lock',
    }
  }
  const health = current?.health
  if (health !== undefined && health.state !== 'healthy') return byState[health.state](health)
  const isAsked = current?.keyprovider !== 'AWS-KMS' || health !== undefined
  const title = isAsked ? words.home.nobody : words.home.notAsked
  return { owner: 'nobody', tone: isAsked ? 'good' : 'quiet', title, text: '' }
}
