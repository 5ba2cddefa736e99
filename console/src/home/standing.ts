// The one sentence of the first page: is everything well, since when not, and who has to act. The server decides; the words are ours
// for the hardest moments, and the server's for all others.
import type { Overview } from '@keyhold/client'
import type { Tone } from '../parts/mark.tsx'
import { timeText, words } from '../words/words.ts'

export interface Standing {
  owner: Overview['turn']['owner']
  tone: Tone
  title: string
  text: string
  /** `text` is the server's English. */
  isServerText: boolean
  /** Where the reader goes from here. */
  leadsTo?: 'lock' | 'key'
}

type Hardest = keyof typeof words.hardest

const tones: Readonly<Record<Overview['turn']['data'], Tone>> = {
  open: 'warn',
  closing: 'bad',
  closed: 'bad',
}

function isHardest(code: string): code is Hardest {
  return Object.hasOwn(words.hardest, code)
}

export function standingOf({ turn, keys, tenant }: Pick<Overview, 'turn' | 'keys' | 'tenant'>): Standing {
  const { owner, code, params, text, since, data } = turn
  if (code === 'all-well') {
    const current = keys.find((key) => key.current)
    // Silence is no health: a key that was not asked yet is not called well.
    const isAsked = current === undefined || current.internal || current.health !== undefined
    return {
      owner,
      tone: isAsked ? 'good' : 'quiet',
      title: isAsked ? words.home.nobody : words.home.notAsked,
      text: '',
      isServerText: false,
    }
  }
  const parts = {
    region: params.region ?? '',
    since: since === undefined ? '' : timeText(since),
    tenant: tenant.name === '' ? tenant.id : tenant.name,
  }
  const own = isHardest(code) ? words.hardest[code](parts) : undefined
  return {
    owner,
    tone: tones[data],
    title: own?.title ?? words.data[data],
    text: own?.text ?? text,
    isServerText: own === undefined,
    leadsTo: code === 'tenant-locked' ? 'lock' : 'key',
  }
}
