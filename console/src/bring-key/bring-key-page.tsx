// Bring your own key, in six steps. Each one ends at the server's word, and every one may be the last for today.
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect } from 'react'
import { useTenantId } from '../shell/session.ts'
import { words } from '../words/words.ts'
import { useDraft } from './draft.ts'
import { AccessStep } from './access-step.tsx'
import { CheckStep } from './check-step.tsx'
import { PlaceStep } from './place-step.tsx'
import { RegisterStep } from './register-step.tsx'
import { RehearseStep } from './rehearse-step.tsx'

const text = words.bring
const route = getRouteApi('/bring-your-key')

export function Page(): ReactNode {
  const tenantId = useTenantId()
  const { fingerprint } = route.useSearch()
  const navigate = useNavigate()
  const [draft, change, forget] = useDraft(tenantId)
  // A key that is registered goes on where a move is rehearsed.
  const step = fingerprint === undefined ? Math.min(draft.step, 4) : 5
  useEffect(() => {
    document.getElementById('step')?.focus()
  }, [step])
  const go = (to: number) => {
    change({ step: to })
  }
  const parts = { draft, change, go }
  return (
    <div className="stack">
      <title>{`${text.title} · ${words.product}`}</title>
      <h1>{text.title}</h1>
      <ol className="steps">
        {text.steps.map((name, index) => (
          <li
            key={name}
            className={index + 1 < step ? 'done' : undefined}
            aria-current={index + 1 === step ? 'step' : undefined}
          >
            {name}
          </li>
        ))}
      </ol>
      <section className="card stack" id="step" tabIndex={-1}>
        {step === 1 ? <PlaceStep {...parts} /> : null}
        {step === 2 ? <AccessStep {...parts} /> : null}
        {step === 3 ? <CheckStep {...parts} /> : null}
        {step === 4 ? (
          <RegisterStep
            {...parts}
            onRegistered={(registered) => {
              forget()
              void navigate({ to: '/bring-your-key', search: { fingerprint: registered } })
            }}
          />
        ) : null}
        {fingerprint === undefined ? null : <RehearseStep fingerprint={fingerprint} />}
      </section>
    </div>
  )
}
