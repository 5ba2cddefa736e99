// The answer to a question to the server: waiting, a problem, or what the page makes of it.
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { words } from '../words/words.ts'
import { ProblemNote } from './problem-note.tsx'

interface AskedProps<Answer> {
  query: UseQueryResult<Answer>
  children: (answer: Answer) => ReactNode
}

export function Asked<Answer>({ query, children }: AskedProps<Answer>) {
  if (query.data === undefined) {
    return query.error === null ? (
      <p className="waiting" role="status">
        {words.loading}
      </p>
    ) : (
      <ProblemNote error={query.error} onRetry={() => void query.refetch()} />
    )
  }
  // An older answer is worth more than none, as long as the page says that it is old.
  return (
    <>
      {query.error === null ? null : <ProblemNote error={query.error} />}
      {children(query.data)}
    </>
  )
}
