// Reports failpoints that act, one JSON object a line, for tests that count them from outside.
import { writeSync } from 'node:fs'
import type { Logger } from 'pino'
import type { ArmedFailpoint } from '../migration/engine/failpoint.ts'

export function announceFailpoint(logger: Logger, failpoint: ArmedFailpoint): void {
  // The logger writes soon, which is too late for a process that kills itself now.
  if (failpoint.action === 'kill') writeSync(process.stderr.fd, `${JSON.stringify({ failpoint })}\n`)
  else logger.error({ failpoint }, 'failpoint')
}
