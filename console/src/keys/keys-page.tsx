// All keys that may protect the tenant's data.
import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Asked } from '../parts/asked.tsx'
import { keyProvidersQuery } from '../server/queries.ts'
import { useMay } from '../shell/session.ts'
import { words } from '../words/words.ts'
import { isInternal, KeyMark, nameOfKey, regionsOf } from './key-words.tsx'

export function Page(): ReactNode {
  const providers = useQuery(keyProvidersQuery)
  const mayBring = useMay('manage-key-providers')
  const text = words.keys
  return (
    <div className="stack">
      <title>{`${text.title} · ${words.product}`}</title>
      <div className="row apart">
        <h1>{text.title}</h1>
        {mayBring ? (
          <Link to="/bring-your-key" className="button main">
            {words.home.bring}
          </Link>
        ) : null}
      </div>
      <p className="quiet">{text.lead}</p>
      <Asked query={providers}>
        {(list) => (
          <div className="card scroll">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{text.name}</th>
                  <th scope="col">{text.state}</th>
                  <th scope="col">{text.regions}</th>
                  <th scope="col">{text.use}</th>
                </tr>
              </thead>
              <tbody>
                {list.map((provider) => (
                  <tr key={provider.arnFingerPrint}>
                    <td>
                      <Link to="/keys/$fingerprint" params={{ fingerprint: provider.arnFingerPrint }}>
                        <bdi>{nameOfKey(provider)}</bdi>
                      </Link>
                    </td>
                    <td>
                      <KeyMark shown={provider} />
                    </td>
                    <td translate="no">{regionsOf(provider).join(', ')}</td>
                    <td>
                      {provider.current === true
                        ? text.current
                        : provider.demotedFromCurrentAt === ''
                          ? isInternal(provider)
                            ? ''
                            : text.ready
                          : text.former}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Asked>
    </div>
  )
}
