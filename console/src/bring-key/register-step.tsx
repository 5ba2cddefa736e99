// Step 4: the key gets a name and is stored.
import { useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { ask } from '../server/client.ts'
import { useAct } from '../server/use-act.ts'
import { words } from '../words/words.ts'
import type { StepParts } from './step-parts.ts'

const text = words.bring

interface RegisterStepParts extends StepParts {
  onRegistered: (fingerprint: string) => void
}

export function RegisterStep({ draft, change, go, onRegistered }: RegisterStepParts) {
  const [isTried, setTried] = useState(false)
  const register = useAct(() =>
    ask('createKeyProvider', {
      body: {
        name: draft.name.trim(),
        arn: draft.arn.trim(),
        ...(draft.roleArn.trim() !== '' && { roleArn: draft.roleArn.trim() }),
        ...(draft.description.trim() !== '' && { description: draft.description.trim() }),
      },
    }),
  )
  const isNamed = draft.name.trim() !== ''
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (!isNamed || register.isPending) return
        register.mutate(undefined, {
          onSuccess: ({ arnFingerPrint }) => {
            onRegistered(arnFingerPrint)
          },
        })
      }}
    >
      <h2>{text.register}</h2>
      <p>
        <code translate="no">{draft.arn}</code>
      </p>
      <Field
        label={text.name}
        hint={text.nameHint}
        fault={isTried && !isNamed ? text.nameFault : undefined}
        value={draft.name}
        onChange={(name) => {
          change({ name })
        }}
      />
      <Field
        label={text.description}
        value={draft.description}
        onChange={(description) => {
          change({ description })
        }}
        isLong
      />
      {register.error === null ? null : <ProblemNote error={register.error} />}
      <div className="row">
        <Button
          onClick={() => {
            go(3)
          }}
        >
          {text.back}
        </Button>
        <Button type="submit" look="main" isBusy={register.isPending}>
          {text.save}
        </Button>
      </div>
    </form>
  )
}
