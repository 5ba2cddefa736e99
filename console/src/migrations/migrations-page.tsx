// All migrations and rotations, the newest first.
import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Asked } from '../parts/asked.tsx'
import { migrationsQuery } from '../server/queries.ts'
import { timeText, words } from '../words/words.ts'
import { PhaseMark } from './phase-mark.tsx'

export function Page(): ReactNode {
  const migrations = useQuery(migrationsQuery)
  const text = words.migrations
  return (
    <div className="stack">
      <title>{`${text.title} · ${words.product}`}</title>
      <h1>{text.title}</h1>
      <p className="quiet">{text.lead}</p>
      <Asked query={migrations}>
        {({ migrations: jobs }) =>
          jobs.length === 0 ? (
            <p className="card">{text.none}</p>
          ) : (
            <div className="card scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">{text.started}</th>
                    <th scope="col">{text.kind}</th>
                    <th scope="col">{text.to}</th>
                    <th scope="col">{text.state}</th>
                  </tr>
                </thead>
                <tbody>
                  {jobs.map((job) => (
                    <tr key={job.id}>
                      <td>
                        <Link to="/migrations/$migrationId" params={{ migrationId: job.id }}>
                          {timeText(job.initiatedAt)}
                        </Link>
                      </td>
                      <td>{text.kinds[job.kind] ?? job.kind}</td>
                      <td>
                        <code translate="no">{job.target.arn}</code>
                      </td>
                      <td>
                        <PhaseMark job={job} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Asked>
    </div>
  )
}
