// One key: what AWS says about it in each region, what it is, and whether it may go.
import { useQuery } from '@tanstack/react-query'
import type { KeyHealth, KeyProvider } from '@keyhold/client'
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { CopiedText } from '../parts/copied.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { ask } from '../server/client.ts'
import { keyHealthQuery, keyProvidersQuery } from '../server/queries.ts'
import { useAct } from '../server/use-act.ts'
import { usePathParam } from '../shell/path-param.ts'
import { useMay } from '../shell/session.ts'
import { timeText, words } from '../words/words.ts'
import { isInternal, KeyMark, nameOfKey, StateMark } from './key-words.tsx'
import { SafeToDelete } from './safe-to-delete.tsx'

export function Page(): ReactNode {
  const fingerprint = usePathParam('fingerprint')
  const providers = useQuery(keyProvidersQuery)
  return (
    <Asked query={providers}>
      {(list) => {
        const provider = list.find(({ arnFingerPrint }) => arnFingerPrint === fingerprint)
        if (provider === undefined) return <p>{words.problem.goneText}</p>
        return <KeyView provider={provider} />
      }}
    </Asked>
  )
}

function KeyView({ provider }: { provider: KeyProvider }) {
  const { arnFingerPrint: fingerprint, current } = provider
  const name = nameOfKey(provider)
  return (
    <div className="stack">
      <title>{`${name} · ${words.product}`}</title>
      <div className="row apart">
        <h1 className="row">
          <bdi>{name}</bdi> <KeyMark shown={provider} />
        </h1>
        <KeyActs provider={provider} />
      </div>
      {isInternal(provider) ? (
        <p className="quiet">{words.keys.internalText}</p>
      ) : (
        <Regions fingerprint={fingerprint} />
      )}
      {isInternal(provider) ? null : <Facts provider={provider} />}
      {isInternal(provider) ? null : <SafeToDelete fingerprint={fingerprint} />}
      {isInternal(provider) || current === true ? null : <Removal fingerprint={fingerprint} name={name} />}
    </div>
  )
}

function KeyActs({ provider }: { provider: KeyProvider }) {
  const params = { arnFingerPrint: provider.arnFingerPrint }
  const test = useAct(() => ask('testKeyProvider', { params }))
  const mayTest = useMay('manage-key-providers') && !isInternal(provider)
  const mayMove = useMay('manage-migrations') && provider.current !== true
  return (
    <div className="row">
      {mayTest ? (
        <Button
          isBusy={test.isPending}
          onClick={() => {
            test.mutate(undefined)
          }}
        >
          {test.isPending ? words.key.testing : words.key.test}
        </Button>
      ) : null}
      {mayMove ? (
        <Link to="/bring-your-key" search={{ fingerprint: provider.arnFingerPrint }} className="button main">
          {words.key.move}
        </Link>
      ) : null}
      <span role="status" className="small quiet">
        {test.isSuccess ? words.key.tested : ''}
      </span>
      {test.error === null ? null : <ProblemNote error={test.error} />}
    </div>
  )
}

function Regions({ fingerprint }: { fingerprint: string }) {
  const health = useQuery(keyHealthQuery(fingerprint))
  return <Asked query={health}>{(answer) => <RegionTable health={answer} />}</Asked>
}

function RegionTable({ health }: { health: KeyHealth }) {
  return (
    <section className="card stack">
      <h2>{words.keys.regions}</h2>
      <div className="scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{words.key.region}</th>
              <th scope="col">{words.keys.state}</th>
              <th scope="col">{words.key.cause}</th>
            </tr>
          </thead>
          <tbody>
            {health.regions.map(({ region, state, cause, since, advice }) => (
              <tr key={region}>
                <td translate="no">{region}</td>
                <td>
                  <StateMark state={state} />
                </td>
                <td lang="en">
                  {cause}
                  {advice === '' ? null : <p>{advice}</p>}
                  <p className="quiet small">{words.since(timeText(since))}</p>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="quiet small">{words.checked(timeText(health.checkedAt))}</p>
    </section>
  )
}

function Facts({ provider }: { provider: KeyProvider }) {
  const { arn, arnFingerPrint, roleArn, createdAt, promotedToCurrentAt, current } = provider
  return (
    <section className="card stack">
      <h2>{words.key.facts}</h2>
      <dl className="facts">
        <dt>{words.key.arn}</dt>
        <dd>
          <CopiedText text={arn} of={words.key.arn} />
        </dd>
        <dt>{words.key.fingerprint}</dt>
        <dd>
          <CopiedText text={arnFingerPrint} of={words.key.fingerprint} />
        </dd>
        {roleArn === undefined ? null : (
          <>
            <dt>{words.key.role}</dt>
            <dd>
              <CopiedText text={roleArn} of={words.key.role} />
            </dd>
          </>
        )}
        <dt>{words.key.created}</dt>
        <dd>{timeText(createdAt)}</dd>
        {current === true && promotedToCurrentAt !== '' ? (
          <>
            <dt>{words.key.promoted}</dt>
            <dd>{timeText(promotedToCurrentAt)}</dd>
          </>
        ) : null}
      </dl>
    </section>
  )
}

function Removal({ fingerprint, name }: { fingerprint: string; name: string }) {
  const [isAsked, setAsked] = useState(false)
  const may = useMay('manage-key-providers')
  const navigate = useNavigate()
  const remove = useAct(() => ask('deleteKeyProvider', { params: { arnFingerPrint: fingerprint } }))
  if (!may) return null
  return (
    <div>
      <Button
        onClick={() => {
          setAsked(true)
        }}
      >
        {words.key.remove}
      </Button>
      {isAsked ? (
        <Confirm
          title={words.key.removeTitle(name)}
          act={words.key.remove}
          onAct={async () => {
            await remove.mutateAsync(undefined)
            await navigate({ to: '/keys' })
          }}
          onClose={() => {
            setAsked(false)
          }}
        >
          <p>{words.key.removeText}</p>
        </Confirm>
      ) : null}
    </div>
  )
}
