// The form of every refusal by the server.
import type { ErrorEnvelope } from '@keyhold/contract'

/** Whether this is an envelope with at least one error. */
export function isErrorEnvelope(body: unknown): body is ErrorEnvelope {
  if (typeof body !== 'object' || body === null || !('errors' in body) || !Array.isArray(body.errors))
    return false
  const errors: unknown[] = body.errors
  return errors.length > 0 && errors.every(isErrorEntry)
}

function isErrorEntry(entry: unknown): boolean {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'code' in entry &&
    typeof entry.code === 'string' &&
    'title' in entry &&
    typeof entry.title === 'string'
  )
}
