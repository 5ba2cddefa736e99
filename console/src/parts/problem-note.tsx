// A failure, what the reader can do about it, and the trace id for whoever asks the operator.
import { problemOf, type Problem } from '../server/problem.ts'
import { words } from '../words/words.ts'
import { Button } from './button.tsx'
import { Note } from './note.tsx'

const ownText: Partial<Record<Problem['kind'], string>> = {
  forbidden: words.problem.forbiddenText,
  sealed: words.problem.sealedText,
  offline: words.problem.offlineText,
  busy: words.problem.busyText,
  gone: words.problem.goneText,
}

export function ProblemNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = problemOf(error)
  const { kind, message, code, traceId } = problem
  return (
    <Note tone={kind === 'forbidden' || kind === 'gone' ? 'quiet' : 'bad'} title={words.problem[kind]} isNew>
      <p>{ownText[kind] ?? <bdi lang="en">{message}</bdi>}</p>
      <p className="small quiet">
        <code translate="no">{code}</code>
        {traceId === undefined ? null : (
          <>
            {' · '}
            {words.trace} <code translate="no">{traceId}</code>
          </>
        )}
      </p>
      {onRetry === undefined ? null : (
        <div>
          <Button onClick={onRetry}>{words.again}</Button>
        </div>
      )}
    </Note>
  )
}
