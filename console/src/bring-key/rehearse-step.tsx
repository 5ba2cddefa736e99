// Steps 5 and 6: what a move would do, counted and measured just now, and the move itself.
import { useQuery } from '@tanstack/react-query'
import type { MigrationPlan } from '@keyhold/client'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Note } from '../parts/note.tsx'
import { nameOfKey } from '../keys/key-words.tsx'
import { ask } from '../server/client.ts'
import { keyProvidersQuery } from '../server/queries.ts'
import { useAct } from '../server/use-act.ts'
import { useTenantName } from '../shell/session.ts'
import { words } from '../words/words.ts'

const text = words.bring

export function RehearseStep({ fingerprint }: { fingerprint: string }) {
  const params = { arnFingerPrint: fingerprint }
  const plan = useQuery({
    queryKey: ['plan', fingerprint],
    queryFn: ({ signal }) => ask('planMigration', { params, signal }),
    staleTime: 0,
    gcTime: 0,
    refetchInterval: false,
    refetchOnWindowFocus: false,
  })
  return (
    <>
      <h2>{text.rehearse}</h2>
      {plan.data === undefined && plan.error === null ? <p className="quiet">{text.rehearsing}</p> : null}
      <Asked query={plan}>{(answer) => <Plan plan={answer} fingerprint={fingerprint} />}</Asked>
      <p>
        <Link to="/keys/$fingerprint" params={{ fingerprint }}>
          {text.stopHere}
        </Link>
      </p>
    </>
  )
}

function Plan({ plan, fingerprint }: { plan: MigrationPlan; fingerprint: string }) {
  const { wouldStart, refusals, warnings, census, estimate } = plan
  const facts = [
    text.census(census.cipherkeys, census.unreadable),
    ...(estimate.seconds === undefined ? [] : [text.takes(estimate.seconds)]),
  ].join(' ')
  return (
    <>
      <Note tone={wouldStart ? 'good' : 'bad'} title={wouldStart ? text.couldStart : text.couldNotStart}>
        <p>{facts}</p>
        {refusals.length === 0 ? null : (
          <ul>
            {refusals.map(({ code, message }) => (
              <li key={code} lang="en">
                {message}
              </li>
            ))}
          </ul>
        )}
      </Note>
      {warnings.length === 0 ? null : (
        <Note tone="warn" title={text.warnings}>
          <ul>
            {warnings.map(({ code, message }) => (
              <li key={code} lang="en">
                {message}
              </li>
            ))}
          </ul>
        </Note>
      )}
      {wouldStart ? (
        <Move fingerprint={fingerprint} planId={plan.planId} facts={facts} cipherkeys={census.cipherkeys} />
      ) : null}
    </>
  )
}

interface MoveProps {
  fingerprint: string
  /** Of the plan that was shown: the start is refused if the world has moved since. */
  planId: string
  facts: string
  cipherkeys: number
}

function Move({ fingerprint, planId, facts, cipherkeys }: MoveProps) {
  const [isAsked, setAsked] = useState(false)
  const tenant = useTenantName()
  const navigate = useNavigate()
  const providers = useQuery(keyProvidersQuery)
  const target = providers.data?.find(({ arnFingerPrint }) => arnFingerPrint === fingerprint)
  const isInternalTarget = target !== undefined && target.keyprovider !== 'AWS-KMS'
  const params = { arnFingerPrint: fingerprint }
  const start = useAct(async () => {
    await (isInternalTarget
      ? ask('resetToDefaultProvider', { query: { plan: planId } })
      : ask('migrateToKeyProvider', { params, query: { plan: planId } }))
    const { migrations } = await ask('listMigrations', { query: { limit: '1' } })
    return migrations[0]?.id
  })
  const act = text.move(cipherkeys)
  return (
    <div>
      <Button
        look="main"
        onClick={() => {
          setAsked(true)
        }}
      >
        {act}
      </Button>
      {isAsked ? (
        <Confirm
          title={text.moveTitle(tenant, target === undefined ? fingerprint : nameOfKey(target))}
          act={act}
          onAct={async () => {
            const migrationId = await start.mutateAsync(undefined)
            await (migrationId === undefined
              ? navigate({ to: '/migrations' })
              : navigate({ to: '/migrations/$migrationId', params: { migrationId } }))
          }}
          onClose={() => {
            setAsked(false)
          }}
        >
          <p>{facts}</p>
          <p>{text.moveText}</p>
        </Confirm>
      ) : null}
    </div>
  )
}
