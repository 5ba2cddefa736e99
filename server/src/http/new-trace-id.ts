// The id that names a request in its answer and in the logs.
import { randomBytes } from 'node:crypto'

/** 32 lower-case hex characters, as B3 has them; never taken from the request. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}
