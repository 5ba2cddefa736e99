// The audit trail, the newest first.
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { Note } from '../parts/note.tsx'
import { ask } from '../server/client.ts'
import { timeText, words } from '../words/words.ts'

const text = words.audit

/** Keys may have no name. */
function nameOr(name: string | undefined, id: string): string {
  return name === undefined || name === '' ? id : name
}

export function Page(): ReactNode {
  const [after, setAfter] = useState<string>()
  const trail = useQuery({
    queryKey: ['audits', after],
    queryFn: ({ signal }) =>
      ask('listAudits', {
        query: { order: 'desc', limit: '50', ...(after !== undefined && { after }) },
        signal,
      }),
    placeholderData: keepPreviousData,
  })
  return (
    <div className="stack">
      <title>{`${text.title} · ${words.product}`}</title>
      <h1>{text.title}</h1>
      <p className="quiet">{text.lead}</p>
      <Asked query={trail}>
        {({ audits, names = {}, forged, next }) => (
          <>
            {forged === undefined ? null : <Note tone="bad" title={text.forged(forged)} />}
            {audits.length === 0 ? (
              <p className="card">{text.none}</p>
            ) : (
              <div className="card scroll">
                <table className="table">
                  <thead>
                    <tr>
                      <th scope="col">{text.at}</th>
                      <th scope="col">{text.who}</th>
                      <th scope="col">{text.what}</th>
                      <th scope="col">{text.on}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {audits.map(({ sequence, at, actor, action, target }) => (
                      <tr key={sequence}>
                        <td>{timeText(at)}</td>
                        <td>
                          <bdi>{nameOr(names[actor.id], actor.id)}</bdi>
                        </td>
                        <td>
                          <code translate="no">{action}</code>
                        </td>
                        <td>
                          {target.kind} <code translate="no">{target.id}</code>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
            <div className="row">
              {after === undefined ? null : (
                <Button
                  onClick={() => {
                    setAfter(undefined)
                  }}
                >
                  {text.newest}
                </Button>
              )}
              {next === undefined ? null : (
                <Button
                  onClick={() => {
                    setAfter(next)
                  }}
                >
                  {text.older}
                </Button>
              )}
            </div>
          </>
        )}
      </Asked>
    </div>
  )
}
