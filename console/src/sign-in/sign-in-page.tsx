// Signing in. It stands in the place of every page that needs a session, so that the address stays what it was.
import { useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { problemOf } from '../server/problem.ts'
import { ProblemNote } from '../parts/problem-note.tsx'
import { words } from '../words/words.ts'
import { signInWithApiKey } from './sign-in.ts'

export function SignInPage() {
  const [token, setToken] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const signIn = async () => {
    if (token.trim() === '') return
    setBusy(true)
    setProblem(undefined)
    try {
      await signInWithApiKey(token)
    } catch (error) {
      setProblem(error)
      setBusy(false)
    }
  }
  const isRefused = problem !== undefined && problemOf(problem).kind === 'signed-out'
  return (
    <main className="sign-in">
      <form
        className="card stack"
        onSubmit={(event) => {
          event.preventDefault()
          void signIn()
        }}
      >
        <h1>{words.session.title}</h1>
        <p className="quiet">{words.session.lead}</p>
        <Field
          label={words.session.key}
          hint={words.session.keyHint}
          fault={isRefused ? words.session.refused : undefined}
          value={token}
          onChange={setToken}
          kind="secret"
          isExact
        />
        {problem === undefined || isRefused ? null : <ProblemNote error={problem} />}
        <div>
          <Button type="submit" look="main" isBusy={isBusy}>
            {isBusy ? words.session.opening : words.session.withKey}
          </Button>
        </div>
      </form>
    </main>
  )
}
