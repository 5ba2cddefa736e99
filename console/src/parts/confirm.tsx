// A dialog before an act: what follows first, the safe button in focus. Enter never does the act.
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { words } from '../words/words.ts'
import { Button } from './button.tsx'
import { Field } from './field.tsx'
import { ProblemNote } from './problem-note.tsx'

interface ConfirmProps {
  title: string
  children: ReactNode
  /** The verb and its object. */
  act: string
  /** It must be typed before the act. */
  phrase?: string
  isDangerous?: boolean
  leave?: string
  /** The dialog stays open with the problem if it fails. */
  onAct: () => Promise<unknown>
  onClose: () => void
}

export function Confirm({
  title,
  children,
  act,
  phrase,
  isDangerous = false,
  leave = words.cancel,
  onAct,
  onClose,
}: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  const isTyped = phrase === undefined || typed.trim().toLowerCase() === phrase.toLowerCase()
  const doIt = async () => {
    if (!isTyped) return
    setBusy(true)
    setProblem(undefined)
    try {
      await onAct()
      onClose()
    } catch (error) {
      setProblem(error)
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="confirm-title">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
        }}
      >
        <h2 id="confirm-title">
          <bdi>{title}</bdi>
        </h2>
        <div className="stack">{children}</div>
        {phrase === undefined ? null : (
          <Field label={words.lock.type(phrase)} value={typed} onChange={setTyped} isExact />
        )}
        {problem === undefined ? null : <ProblemNote error={problem} />}
        <div className="row">
          <Button onClick={onClose}>{leave}</Button>
          <Button
            look={isDangerous ? 'danger' : 'main'}
            isBusy={isBusy || !isTyped}
            onClick={() => void doIt()}
          >
            {act}
          </Button>
        </div>
      </form>
    </dialog>
  )
}
