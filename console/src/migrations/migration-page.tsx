// One migration or rotation: how far it is, why it waits, and what the reader may do.
import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import type { KeyJob } from '@keyhold/client'
import { Asked } from '../parts/asked.tsx'
import { CodeBlock } from '../parts/copied.tsx'
import { Note } from '../parts/note.tsx'
import { ask } from '../server/client.ts'
import { migrationQuery } from '../server/queries.ts'
import { usePathParam } from '../shell/path-param.ts'
import { countText, timeText, words } from '../words/words.ts'
import { MigrationActs } from './migration-acts.tsx'
import { hasEnded, PhaseMark } from './phase-mark.tsx'

const text = words.migrations
const everything = 100
const saidAtEach = 25

export function Page(): ReactNode {
  const migrationId = usePathParam('migrationId')
  const migration = useQuery(migrationQuery(migrationId))
  return (
    <div className="stack">
      <title>{`${text.one} · ${words.product}`}</title>
      <Asked query={migration}>{(job) => <MigrationView job={job} />}</Asked>
    </div>
  )
}

function MigrationView({ job }: { job: KeyJob }) {
  const { cipherkeys, kind, progress } = job
  return (
    <>
      <h1 className="row">
        {text.kinds[kind] ?? kind} <PhaseMark job={job} />
      </h1>
      <section className="card stack">
        <progress
          className="progress"
          max={everything}
          value={progress}
          aria-label={text.progress(progress)}
        />
        <p className="row apart">
          <span>{text.progress(progress)}</span>
          <span className="quiet">
            {text.counts(countText(cipherkeys.copied), countText(cipherkeys.total))}
          </span>
        </p>
        {/* A reader of screens hears quarters and phases, not each number. */}
        <p className="only-read" role="status">
          {text.phases[job.phase] ?? job.phase}. {text.progress(progress - (progress % saidAtEach))}
        </p>
        <dl className="facts">
          <dt>{text.started}</dt>
          <dd>{timeText(job.initiatedAt)}</dd>
          <dt>{text.to}</dt>
          <dd>
            <code translate="no">{job.target.arn}</code>
          </dd>
        </dl>
      </section>
      <Waiting job={job} />
      <MigrationActs job={job} />
      {hasEnded(job) ? <Ended job={job} /> : null}
    </>
  )
}

function Waiting({ job: { lastError, retryAt, cipherkeys, phase } }: { job: KeyJob }) {
  const open = cipherkeys.failed - cipherkeys.accepted - cipherkeys.destroyed
  if (open > 0 && !hasEnded({ phase })) {
    return (
      <Note tone="bad" title={text.bad(countText(open), countText(cipherkeys.total))} isNew>
        <p>{text.badText}</p>
      </Note>
    )
  }
  if (lastError === undefined) return null
  return (
    <Note tone="warn" title={text.waits} isNew>
      <p lang="en">{lastError.message}</p>
      <p className="small quiet">
        <code translate="no">{lastError.code}</code>
        {retryAt === undefined ? null : ` · ${text.waitsUntil(timeText(retryAt))}`}
      </p>
    </Note>
  )
}

function Ended({ job }: { job: KeyJob }) {
  const report = useQuery({
    queryKey: ['migrations', job.id, 'report'],
    queryFn: ({ signal }) => ask('getMigrationReport', { params: { migrationId: job.id }, signal }),
  })
  return (
    <>
      {job.phase === 'done' && job.kind === 'migration' ? (
        <Note tone="good" title={text.done}>
          <p>{text.doneText}</p>
        </Note>
      ) : null}
      <section className="card stack">
        <h2>{text.report}</h2>
        <p className="quiet">{text.reportText}</p>
        <Asked query={report}>{({ jws }) => <CodeBlock text={jws} title={text.report} />}</Asked>
      </section>
    </>
  )
}
