// The answers that somebody typed on the way to a key of their own. They are kept in the browser until the end, so that a reload, a
// session that ends and a new tab lose nothing. Nothing of it is secret.
import { useEffect, useState } from 'react'

export interface Draft {
  step: number
  hasKey: boolean
  arn: string
  account: string
  regions: string
  roleArn: string
  name: string
  description: string
}

const empty: Draft = {
  step: 1,
  hasKey: true,
  arn: '',
  account: '',
  regions: '',
  roleArn: '',
  name: '',
  description: '',
}

export const stepCount = 6

/** A draft of an older release, or one that somebody changed, counts as far as it has the form of one. */
export function readDraft(text: string | null): Draft {
  try {
    const kept: unknown = JSON.parse(text ?? '{}')
    if (typeof kept !== 'object' || kept === null) return empty
    const draft = { ...empty }
    for (const name of ['arn', 'account', 'regions', 'roleArn', 'name', 'description'] as const) {
      const value: unknown = Reflect.get(kept, name)
      if (typeof value === 'string') draft[name] = value
    }
    const { step, hasKey } = kept as Partial<Draft>
    draft.step = Number.isInteger(step) && Number(step) >= 1 && Number(step) <= stepCount ? Number(step) : 1
    draft.hasKey = hasKey !== false
    return draft
  } catch {
    return empty
  }
}

export function useDraft(tenantId: string): [Draft, (change: Partial<Draft>) => void, () => void] {
  const place = `keyhold.bring-key.${tenantId}`
  const [draft, setDraft] = useState(() => readDraft(localStorage.getItem(place)))
  useEffect(() => {
    localStorage.setItem(place, JSON.stringify(draft))
  }, [place, draft])
  return [
    draft,
    (change) => {
      setDraft((before) => ({ ...before, ...change }))
    },
    () => {
      setDraft(empty)
    },
  ]
}
