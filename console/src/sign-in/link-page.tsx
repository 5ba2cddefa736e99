// A link that signs in: opening it does nothing, as programs open links, too. The button spends it.
import { useState } from 'react'
import { Button } from '../parts/button.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { problemOf } from '../server/problem.ts'
import { words } from '../words/words.ts'
import { signInWith } from './sign-in.ts'

const text = words.link
const deadCodes = new Set(['ERR_LINK_OVER', 'ERR_UNAUTHENTICATED'])

interface LinkPageProps {
  secret: string
  /** The link is spent, or does not work: the address need not name it any more. */
  onEnd: () => void
}

export function LinkPage({ secret, onEnd }: LinkPageProps) {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const begin = async () => {
    setBusy(true)
    try {
      await signInWith(secret)
      onEnd()
    } catch (error) {
      setProblem(error)
      setBusy(false)
    }
  }
  const isDead = problem !== undefined && deadCodes.has(problemOf(problem).code)
  return (
    <main className="sign-in">
      <div className="card stack">
        <h1>{isDead ? text.dead : text.title}</h1>
        <p>{isDead ? text.deadText : text.lead}</p>
        {problem === undefined || isDead ? null : <ProblemNote error={problem} />}
        <div>
          {isDead ? (
            <Button onClick={onEnd}>{words.session.title}</Button>
          ) : (
            <Button look="main" isBusy={isBusy} onClick={() => void begin()}>
              {text.begin}
            </Button>
          )}
        </div>
      </div>
    </main>
  )
}
