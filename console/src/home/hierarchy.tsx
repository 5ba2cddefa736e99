// The picture of the hierarchy of keys, as a nested list that looks like what it says.
import type { ReactNode } from 'react'
import { words } from '../words/words.ts'
import './hierarchy.css'

interface HierarchyProps {
  isOwn: boolean
  name: string
  regions: readonly string[]
  mark: ReactNode
}

export function Hierarchy({ isOwn, name, regions, mark }: HierarchyProps) {
  const text = words.home
  return (
    <figure className="card stack">
      <figcaption>
        <h2>{text.picture}</h2>
      </figcaption>
      <ul className="hierarchy">
        <li>
          <div className={isOwn ? 'level own' : 'level'}>
            <p className="row apart">
              <strong>
                {isOwn ? text.yourKey : text.serviceKey}
                {isOwn ? (
                  <>
                    {' · '}
                    <bdi>{name}</bdi>
                  </>
                ) : null}
              </strong>
              {mark}
            </p>
            {regions.length === 0 ? null : (
              <p className="quiet small" translate="no">
                {regions.join(' · ')}
              </p>
            )}
          </div>
          <ul>
            <li>
              <div className="level">
                <strong>{text.tenantKey}</strong>
                <p className="quiet small">{text.tenantKeyText}</p>
              </div>
              <ul>
                <li>
                  <div className="level">
                    <strong>{text.dataKeys}</strong>
                    <p className="quiet small">{text.dataKeysText}</p>
                  </div>
                  <ul>
                    <li>
                      <div className="level">
                        <strong>{text.values}</strong>
                        <p className="quiet small">{text.valuesText}</p>
                      </div>
                    </li>
                  </ul>
                </li>
              </ul>
            </li>
          </ul>
        </li>
      </ul>
    </figure>
  )
}
