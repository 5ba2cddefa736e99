// The log: one JSON object a line, times in ISO 8601, and of errors no more than where they happened. Other members of
// an error may hold values, such as the row in a database error's detail.
import { pino, type DestinationStream, type Logger } from 'pino'

/**
 * Creates the logger of the server.
 *
 * @param level - one of pino's levels
 * @param destination - defaults to standard output
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error
  const cause: unknown = error.cause === undefined ? undefined : describeError(error.cause)
  return { code: 'code' in error ? error.code : undefined, stack: error.stack, cause }
}
