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
  if (typeof error !== 'object' || error === null) return typeof error
  const { code, stack, cause } = error as { code?: unknown; stack?: unknown; cause?: unknown }
  return { code, stack, ...(cause !== undefined && { cause: describeError(cause) }) }
}
