// The log: one JSON object a line, with times in ISO 8601. Of an error it shows only the code and the stack: other members
// may hold values, such as the row in the detail of a database error.
import { pino, type DestinationStream, type Logger } from 'pino'

/**
 * Creates the logger of the server.
 *
 * @param level - one of pino's levels
 * @param destination - defaults to standard output
 * @param replica - its number, which every line carries, where several share a machine. Their lines share one output: Linux keeps lines
 * up to 4 KiB whole
 */
export function createLogger(level: string, destination?: DestinationStream, replica?: number): Logger {
  const options = {
    level,
    base: replica === undefined ? null : { replica },
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
