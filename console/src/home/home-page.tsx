// The first page: what protects us, is it well, who has to act.
import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Overview } from '@keyhold/client'
import { KeyMark, nameOfKey, regionsOf } from '../keys/key-words.tsx'
import { Asked } from '../parts/asked.tsx'
import { Mark } from '../parts/mark.tsx'
import { Note } from '../parts/note.tsx'
import { overviewQuery } from '../server/queries.ts'
import { useMay, useSession } from '../shell/session.ts'
import { timeText, words } from '../words/words.ts'
import { Hierarchy } from './hierarchy.tsx'
import { standingOf } from './standing.ts'

export function Page(): ReactNode {
  const { tenant } = useSession()
  const overview = useQuery({ ...overviewQuery, enabled: tenant !== undefined })
  if (tenant === undefined) {
    return (
      <Note tone="quiet" title={words.operator.title}>
        <p>{words.operator.text}</p>
      </Note>
    )
  }
  return <Asked query={overview}>{(answer) => <Home overview={answer} />}</Asked>
}

function Home({ overview }: { overview: Overview }) {
  const mayBring = useMay('manage-key-providers')
  const current = overview.keys.find((key) => key.current)
  const isOwn = current !== undefined && !current.internal
  return (
    <div className="stack">
      <title>{`${words.nav.home} · ${words.product}`}</title>
      <h1>
        <bdi>{isOwn ? words.home.own(nameOfKey(current)) : words.home.internal}</bdi>
      </h1>
      <StandingNote overview={overview} />
      {overview.keyJob === undefined ? null : (
        <Note tone="quiet" title={words.home.moving}>
          <p>{words.home.movingText(overview.keyJob.progress)}</p>
          <p>
            <Link to="/migrations/$migrationId" params={{ migrationId: overview.keyJob.id }}>
              {words.home.watch}
            </Link>
          </p>
        </Note>
      )}
      {isOwn || !mayBring ? null : (
        <section className="card stack">
          <p>{words.home.internalText}</p>
          <div>
            <Link to="/bring-your-key" className="button main">
              {words.home.bring}
            </Link>
          </div>
        </section>
      )}
      {current === undefined ? null : (
        <Hierarchy
          isOwn={isOwn}
          name={nameOfKey(current)}
          regions={regionsOf(current)}
          mark={<KeyMark shown={current} />}
        />
      )}
      <p className="quiet small">
        {words.checked(timeText(current?.health?.checkedAt ?? overview.generatedAt))}
      </p>
    </div>
  )
}

function StandingNote({ overview }: { overview: Overview }) {
  const { owner, tone, title, text, isServerText, leadsTo } = standingOf(overview)
  const { arnFingerPrint } = overview.turn
  return (
    <Note tone={tone} title={title}>
      {text === '' ? null : <p lang={isServerText ? 'en' : undefined}>{text}</p>}
      {owner === 'nobody' && leadsTo === undefined ? null : (
        <p className="row">
          {owner === 'nobody' ? null : <Mark tone={tone}>{words.owner[owner]}</Mark>}
          {leadsTo === 'lock' ? <Link to="/lock">{words.goToLock}</Link> : null}
          {leadsTo === 'key' && arnFingerPrint !== undefined ? (
            <Link to="/keys/$fingerprint" params={{ fingerprint: arnFingerPrint }}>
              {words.goToKey}
            </Link>
          ) : null}
        </p>
      )}
    </Note>
  )
}
