// Fetch says "fetch failed". The message of the system is some causes deeper.

export function rootCause(error: Error): NodeJS.ErrnoException | undefined {
  let cause: unknown = error.cause
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  // A host with several addresses fails with one error for each.
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) cause = cause.errors[0]
  return cause instanceof Error ? cause : undefined
}
