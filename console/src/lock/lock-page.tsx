// The kill switch: locking and unlocking the whole tenant.
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Asked } from '../parts/asked.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Field } from '../parts/field.tsx'
import { Note } from '../parts/note.tsx'
import { ask } from '../server/client.ts'
import { lockQuery } from '../server/queries.ts'
import { useAct } from '../server/use-act.ts'
import { useMay, useTenantName } from '../shell/session.ts'
import { timeText, words } from '../words/words.ts'

export function Page(): ReactNode {
  const lock = useQuery(lockQuery)
  const tenant = useTenantName()
  const may = useMay('lock')
  const [isAsked, setAsked] = useState(false)
  const [reason, setReason] = useState('')
  const close = useAct(() =>
    ask('lockTenant', { body: reason.trim() === '' ? {} : { reason: reason.trim() } }),
  )
  const open = useAct(() => ask('unlockTenant'))
  const text = words.lock
  const closeDialog = () => {
    setAsked(false)
  }
  return (
    <div className="stack">
      <title>{`${text.title} · ${words.product}`}</title>
      <h1>{text.title}</h1>
      <Asked query={lock}>
        {({ locked, lockedAt = '', lockedBy = '', lockedByName, reason: given }) => (
          <>
            <Note tone={locked ? 'bad' : 'good'} title={locked ? text.locked(timeText(lockedAt)) : text.open}>
              <p>{locked ? text.lockedText : text.openText}</p>
              {locked ? (
                <p>
                  <bdi>{text.by(lockedByName ?? lockedBy)}</bdi>{' '}
                  {given === undefined ? null : <bdi>{text.because(given)}</bdi>}
                </p>
              ) : null}
            </Note>
            {may ? (
              <div>
                <Button
                  look={locked ? 'main' : 'danger'}
                  onClick={() => {
                    setAsked(true)
                  }}
                >
                  {locked ? text.unlock(tenant) : text.lock(tenant)}
                </Button>
              </div>
            ) : null}
            {isAsked ? (
              locked ? (
                <Confirm
                  title={text.unlockTitle(tenant)}
                  act={text.unlock(tenant)}
                  leave={text.leave}
                  onAct={() => open.mutateAsync(undefined)}
                  onClose={closeDialog}
                >
                  <p>{text.unlockText}</p>
                </Confirm>
              ) : (
                <Confirm
                  title={text.lockTitle(tenant)}
                  act={text.lock(tenant)}
                  phrase={text.phrase(tenant)}
                  leave={text.leave}
                  isDangerous
                  onAct={() => close.mutateAsync(undefined)}
                  onClose={closeDialog}
                >
                  <p>{text.lockText}</p>
                  <Field label={text.why} value={reason} onChange={setReason} />
                </Confirm>
              )
            ) : null}
          </>
        )}
      </Asked>
    </div>
  )
}
