// Whether an answer of the data plane tells that a key is open, or why it is closed.
import { errorCodes, kindOf, type ErrorKind } from '@keyhold/core'

const codes: ReadonlySet<string> = new Set(errorCodes)

/**
 * Of `200`, or of a status with a code: `open`, or the kind of the code. `nothing`: a mistake of the server, or no code of
 * Keyhold's, which tells neither that the key is open nor that it is closed.
 */
export function kindOfAnswer(answer: string): ErrorKind | 'open' | 'nothing' {
  if (answer === '200') return 'open'
  const [, code = ''] = answer.split(' ')
  return codes.has(code) && code !== 'ERR_INTERNAL' ? kindOf(code) : 'nothing'
}

/** Whether it keeps the key closed. A key that answers with something damaged has been opened. */
export function isClosed(answer: string): boolean {
  return ['denial', 'outage', 'ours'].includes(kindOfAnswer(answer))
}
