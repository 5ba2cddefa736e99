// The acts of a reader on a key job that runs: try again, go on without bad rows, turn back.
import { useQuery } from '@tanstack/react-query'
import type { KeyJob } from '@keyhold/client'
import { useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { ask } from '../server/client.ts'
import { useAct } from '../server/use-act.ts'
import { useMay } from '../shell/session.ts'
import { countText, words } from '../words/words.ts'

const text = words.migrations
/** From here on there is no way back: another migration goes back. */
const beforeCutover = new Set(['prepare', 'dual', 'copy', 'verify'])

export function MigrationActs({ job }: { job: KeyJob }) {
  const may = useMay('manage-migrations')
  const [asked, setAsked] = useState<'cancel' | 'accept'>()
  const params = { migrationId: job.id }
  const retry = useAct(() => ask('retryMigration', { params }))
  const cancel = useAct(() => ask('cancelMigration', { params }))
  const { failed, accepted, destroyed } = job.cipherkeys
  const open = failed - accepted - destroyed
  if (!may || !beforeCutover.has(job.phase)) return null
  const close = () => {
    setAsked(undefined)
  }
  return (
    <div className="row">
      {job.lastError === undefined && open === 0 ? null : (
        <Button
          isBusy={retry.isPending}
          onClick={() => {
            retry.mutate(undefined)
          }}
        >
          {text.retry}
        </Button>
      )}
      {open === 0 ? null : (
        <Button
          onClick={() => {
            setAsked('accept')
          }}
        >
          {text.accept(countText(open))}
        </Button>
      )}
      <Button
        onClick={() => {
          setAsked('cancel')
        }}
      >
        {text.cancel}
      </Button>
      {retry.error === null ? null : <ProblemNote error={retry.error} />}
      {asked === 'cancel' ? (
        <Confirm
          title={text.cancelTitle}
          act={text.cancel}
          onAct={() => cancel.mutateAsync(undefined)}
          onClose={close}
        >
          <p>{text.cancelText}</p>
        </Confirm>
      ) : null}
      {asked === 'accept' ? <AcceptDialog migrationId={job.id} onClose={close} /> : null}
    </div>
  )
}

/** It accepts the rows that it shows, and no others that come meanwhile. */
function AcceptDialog({ migrationId, onClose }: { migrationId: string; onClose: () => void }) {
  const failures = useQuery({
    queryKey: ['migrations', migrationId, 'failures'],
    queryFn: ({ signal }) =>
      ask('listMigrationFailures', { params: { migrationId }, query: { limit: '1000' }, signal }),
    staleTime: 0,
  })
  const accept = useAct((rows: { dataKeyId: string; version: number }[]) =>
    ask('acceptMigrationFailures', { params: { migrationId }, body: { failures: rows } }),
  )
  return (
    <Asked query={failures}>
      {({ failures: all }) => {
        const rows = all.filter(({ acceptedAt }) => acceptedAt === undefined)
        return (
          <Confirm
            title={text.acceptTitle(countText(rows.length))}
            act={text.accept(countText(rows.length))}
            phrase={text.acceptPhrase}
            isDangerous
            onAct={() => accept.mutateAsync(rows.map(({ dataKeyId, version }) => ({ dataKeyId, version })))}
            onClose={onClose}
          >
            <p>{text.badText}</p>
            <ul className="scroll">
              {rows.slice(0, 20).map(({ dataKeyId, version, keyName, code }) => (
                <li key={`${dataKeyId} ${version}`}>
                  <bdi>{keyName ?? dataKeyId}</bdi> v{version} <code translate="no">{code}</code>
                </li>
              ))}
            </ul>
          </Confirm>
        )
      }}
    </Asked>
  )
}
