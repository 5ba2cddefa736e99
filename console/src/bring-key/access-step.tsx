// Step 2: the policies that let Keyhold use the key, to carry into AWS.
import { useQuery } from '@tanstack/react-query'
import type { KeyPolicy } from '@keyhold/client'
import { useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { CodeBlock } from '../parts/copied.tsx'
import { Field } from '../parts/field.tsx'
import { ask } from '../server/client.ts'
import { words } from '../words/words.ts'
import type { Draft } from './draft.ts'
import { arnFault } from './faults.ts'
import type { StepParts } from './step-parts.ts'

const text = words.bring

function policyQueryOf({ hasKey, arn, account, regions, roleArn }: Draft) {
  const given = hasKey ? { arn: arn.trim() } : { account: account.trim() }
  const list = regions
    .split(/[\s,]+/)
    .filter((region) => region !== '')
    .join(',')
  return {
    ...given,
    ...(!hasKey && list !== '' && { regions: list }),
    ...(roleArn.trim() !== '' && { roleArn: roleArn.trim() }),
  }
}

export function AccessStep({ draft, change, go }: StepParts) {
  const [isTried, setTried] = useState(false)
  const query = policyQueryOf(draft)
  const policy = useQuery({
    queryKey: ['policy', query],
    queryFn: ({ signal }) => ask('getKeyPolicy', { query, signal }),
  })
  const fault = arnFault(draft.arn)
  return (
    <>
      <h2>{text.access}</h2>
      <p className="quiet">{text.accessText}</p>
      <Asked query={policy}>{(answer) => <Policies policy={answer} />}</Asked>
      {draft.hasKey ? null : (
        <Field
          label={text.afterMake}
          hint={text.arnHint}
          fault={isTried ? fault : undefined}
          value={draft.arn}
          onChange={(arn) => {
            change({ arn })
          }}
          isExact
        />
      )}
      <div className="row">
        <Button
          onClick={() => {
            go(1)
          }}
        >
          {text.back}
        </Button>
        <Button
          look="main"
          onClick={() => {
            setTried(true)
            if (fault === undefined) go(3)
          }}
        >
          {text.next}
        </Button>
      </div>
    </>
  )
}

const forms = [text.policy, text.script, text.terraform, text.cloudFormation] as const

function Policies({ policy }: { policy: KeyPolicy }) {
  const [form, setForm] = useState<(typeof forms)[number]>(
    policy.terraform === undefined ? text.policy : text.script,
  )
  const shown = {
    [text.policy]: policy.regions.map(({ region, policy: document }) => ({
      title: region,
      content: JSON.stringify(document, undefined, 2),
    })),
    [text.script]: [{ title: text.script, content: policy.awsCli }],
    [text.terraform]:
      policy.terraform === undefined
        ? policy.regions.map(({ region, terraform }) => ({ title: region, content: terraform }))
        : [{ title: text.terraform, content: policy.terraform }],
    [text.cloudFormation]: policy.regions.map(({ region, cloudFormation }) => ({
      title: region,
      content: cloudFormation,
    })),
  }
  return (
    <div className="stack">
      <fieldset className="field">
        <legend className="only-read">{text.access}</legend>
        <div className="row">
          {forms.map((name) => (
            <label key={name} className="choice">
              <input
                type="radio"
                name="form"
                checked={form === name}
                onChange={() => {
                  setForm(name)
                }}
              />
              {name}
            </label>
          ))}
        </div>
      </fieldset>
      {(shown[form] ?? []).map(({ title, content }) => (
        <CodeBlock key={title} title={title} text={content} />
      ))}
    </div>
  )
}
