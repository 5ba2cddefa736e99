// Signing in. It stands in the place of every page that needs a session, so that the address stays what it was.
import { useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { problemOf } from '../server/problem.ts'
import { ProblemNote } from '../parts/problem-note.tsx'
import { words } from '../words/words.ts'
import { LinkPage } from './link-page.tsx'
import { signInWith } from './sign-in.ts'

/** The secret of a link is behind the `#`, which no browser sends and no server logs. */
function linkSecret(): string | undefined {
  const secret = location.hash.slice(1)
  return secret.startsWith('khl_') ? secret : undefined
}

export function SignInPage() {
  const [secret, setSecret] = useState(linkSecret)
  if (secret === undefined) return <ApiKeyForm />
  return (
    <LinkPage
      secret={secret}
      onEnd={() => {
        history.replaceState(history.state, '', location.pathname + location.search)
        setSecret(undefined)
      }}
    />
  )
}

function ApiKeyForm() {
  const [token, setToken] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const signIn = async () => {
    if (token.trim() === '') return
    setBusy(true)
    setProblem(undefined)
    try {
      await signInWith(token)
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
