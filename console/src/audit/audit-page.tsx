// The audit trail, the newest first.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { Note } from '../parts/note.tsx'
import { ask } from '../server/client.ts'
import { timeText, words } from '../words/words.ts'

const pageSize = 50
const text = words.audit

export function Page() {
  const [end, setEnd] = useState<number>()
  // The trail has no gaps, so the page before a record follows from its number.
  const trail = useQuery({
    queryKey: ['audits', end],
    async queryFn({ signal }) {
      const last = (await ask('getAuditHead', { signal })).head.sequence
      const to = Math.min(end ?? last, last)
      const after = Math.max(0, to - pageSize)
      if (to === 0) return { audits: [], names: {}, to, last }
      const query = { after: String(after), limit: String(to - after) }
      const { audits, names = {}, forged } = await ask('listAudits', { query, signal })
      return { audits: audits.toReversed(), names, to, last, forged }
    },
    placeholderData: (previous) => previous,
  })
  return (
    <div className="stack">
      <title>{`${text.title} · ${words.product}`}</title>
      <h1>{text.title}</h1>
      <p className="quiet">{text.lead}</p>
      <Asked query={trail}>
        {({ audits, names, to, last, forged }) => (
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
                          <bdi>{names[actor.id] ?? actor.id}</bdi>
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
              {to >= last ? null : (
                <Button
                  onClick={() => {
                    setEnd(to + pageSize >= last ? undefined : to + pageSize)
                  }}
                >
                  {text.newer}
                </Button>
              )}
              {to <= pageSize ? null : (
                <Button
                  onClick={() => {
                    setEnd(to - pageSize)
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
