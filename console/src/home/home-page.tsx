// The first page: what protects us, is it well, who has to act.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Asked } from '../parts/asked.tsx'
import { Mark } from '../parts/mark.tsx'
import { Note } from '../parts/note.tsx'
import { isInternal, KeyMark, nameOfKey, regionsOf } from '../keys/key-words.tsx'
import { keyProvidersQuery, lockQuery, migrationsQuery } from '../server/queries.ts'
import { useMay, useTenantName } from '../shell/session.ts'
import { timeText, words } from '../words/words.ts'
import { Hierarchy } from './hierarchy.tsx'
import { standingOf, type Standing } from './standing.ts'

const ended = new Set(['done', 'aborted'])

export function Page() {
  const tenant = useTenantName()
  const providers = useQuery(keyProvidersQuery)
  const lock = useQuery(lockQuery)
  const migrations = useQuery(migrationsQuery)
  const mayBring = useMay('manage-key-providers')
  const running = migrations.data?.migrations.find(({ phase }) => !ended.has(phase))
  return (
    <Asked query={providers}>
      {(list) => {
        const current = list.find((each) => each.current === true)
        const isOwn = current !== undefined && !isInternal(current)
        return (
          <div className="stack">
            <title>{`${words.nav.home} · ${words.product}`}</title>
            <h1>
              <bdi>{isOwn ? words.home.own(nameOfKey(current)) : words.home.internal}</bdi>
            </h1>
            <StandingNote
              standing={standingOf(tenant, current, lock.data)}
              current={current?.arnFingerPrint}
            />
            {running === undefined ? null : (
              <Note tone="quiet" title={words.home.moving}>
                <p>{words.home.movingText(running.progress)}</p>
                <p>
                  <Link to="/migrations/$migrationId" params={{ migrationId: running.id }}>
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
                mark={<KeyMark provider={current} />}
              />
            )}
            {current?.health === undefined ? null : (
              <p className="quiet small">{words.checked(timeText(current.health.checkedAt))}</p>
            )}
          </div>
        )
      }}
    </Asked>
  )
}

function StandingNote({ standing, current }: { standing: Standing; current: string | undefined }) {
  const { owner, tone, title, text, leadsTo } = standing
  return (
    <Note tone={tone} title={title}>
      {text === '' ? null : <p>{text}</p>}
      <p className="row">
        {owner === 'nobody' ? null : <Mark tone={tone}>{words.owner[owner]}</Mark>}
        {leadsTo === 'lock' ? <Link to="/lock">{words.banner.unlock}</Link> : null}
        {leadsTo === 'key' && current !== undefined ? (
          <Link to="/keys/$fingerprint" params={{ fingerprint: current }}>
            {words.banner.key}
          </Link>
        ) : null}
      </p>
    </Note>
  )
}
