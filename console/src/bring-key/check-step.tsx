// Step 3: every test of a registration with real calls, and nothing stored.
import { useQuery } from '@tanstack/react-query'
import type { KeyChecks } from '@keyhold/client'
import { Button } from '../parts/button.tsx'
import { Mark, type Tone } from '../parts/mark.tsx'
import { Note } from '../parts/note.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { ask } from '../server/client.ts'
import { words } from '../words/words.ts'
import type { StepParts } from './step-parts.ts'

const text = words.bring
const tones: Readonly<Record<string, Tone>> = { passed: 'good', warning: 'warn', failed: 'bad' }

export function CheckStep({ draft, go }: StepParts) {
  const body = {
    arn: draft.arn.trim(),
    ...(draft.roleArn.trim() !== '' && { roleArn: draft.roleArn.trim() }),
  }
  const checks = useQuery({
    queryKey: ['check', body],
    queryFn: ({ signal }) => ask('checkKeyProvider', { body, signal }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchInterval: false,
    refetchOnWindowFocus: false,
  })
  const answer = checks.data
  return (
    <>
      <h2>{text.check}</h2>
      {checks.isFetching ? (
        <p className="waiting" role="status">
          {text.checking}
        </p>
      ) : null}
      {checks.error === null ? null : <ProblemNote error={checks.error} />}
      {answer === undefined || checks.isFetching ? null : <Outcomes answer={answer} />}
      <div className="row">
        <Button
          onClick={() => {
            go(2)
          }}
        >
          {text.back}
        </Button>
        <Button isBusy={checks.isFetching} onClick={() => void checks.refetch()}>
          {text.checkAgain}
        </Button>
        {answer?.accepted === true && !checks.isFetching ? (
          <Button
            look="main"
            onClick={() => {
              go(4)
            }}
          >
            {text.next}
          </Button>
        ) : null}
      </div>
    </>
  )
}

function Outcomes({ answer: { accepted, error, checks, registered } }: { answer: KeyChecks }) {
  return (
    <>
      <Note
        tone={accepted ? 'good' : registered ? 'quiet' : 'bad'}
        title={accepted ? text.accepted : registered ? text.already : text.notAccepted}
        isNew
      >
        {error === undefined ? null : <p lang="en">{error.message}</p>}
      </Note>
      <div className="scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{text.what}</th>
              <th scope="col">{words.key.region}</th>
              <th scope="col">{text.outcome}</th>
            </tr>
          </thead>
          <tbody>
            {checks.map(({ check, region, outcome, message, code }) => (
              <tr key={`${check} ${region}`}>
                <td lang="en">
                  {check}
                  {message === '' ? null : <p className="small">{message}</p>}
                  {code === '' ? null : (
                    <p className="small quiet">
                      <code translate="no">{code}</code>
                    </p>
                  )}
                </td>
                <td translate="no">{region}</td>
                <td>
                  <Mark tone={tones[outcome] ?? 'quiet'}>{text.outcomes[outcome] ?? outcome}</Mark>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
