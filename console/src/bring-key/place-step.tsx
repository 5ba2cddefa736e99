// Step 1: the key that there is, or the account in which it will be.
import { useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { words } from '../words/words.ts'
import { faultsOfPlace } from './faults.ts'
import type { StepParts } from './step-parts.ts'

const text = words.bring

export function PlaceStep({ draft, change, go }: StepParts) {
  const [isTried, setTried] = useState(false)
  const faults = isTried ? faultsOfPlace(draft) : {}
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (Object.keys(faultsOfPlace(draft)).length === 0) go(2)
      }}
    >
      <fieldset className="field stack">
        <legend>
          <h2>{text.where}</h2>
        </legend>
        {[
          { hasKey: true, name: text.exists, what: text.existsText },
          { hasKey: false, name: text.make, what: text.makeText },
        ].map(({ hasKey, name, what }) => (
          <label key={name} className="choice">
            <input
              type="radio"
              name="has-key"
              checked={draft.hasKey === hasKey}
              onChange={() => {
                change({ hasKey })
              }}
            />
            <span>
              <strong>{name}</strong>
              <br />
              <span className="quiet small">{what}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {draft.hasKey ? (
        <Field
          label={text.arn}
          hint={text.arnHint}
          fault={faults.arn}
          value={draft.arn}
          onChange={(arn) => {
            change({ arn })
          }}
          isExact
        />
      ) : (
        <>
          <Field
            label={text.account}
            hint={text.accountHint}
            fault={faults.account}
            value={draft.account}
            onChange={(account) => {
              change({ account })
            }}
            kind="digits"
            isExact
          />
          <Field
            label={text.regions}
            hint={text.regionsHint}
            value={draft.regions}
            onChange={(regions) => {
              change({ regions })
            }}
            isExact
          />
        </>
      )}
      <Field
        label={text.role}
        value={draft.roleArn}
        onChange={(roleArn) => {
          change({ roleArn })
        }}
        isExact
      />
      <div>
        <Button type="submit" look="main">
          {text.next}
        </Button>
      </div>
    </form>
  )
}
