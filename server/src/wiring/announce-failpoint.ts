// Tells of failpoints that act, for whoever counts them from outside: one JSON object a line.
import { writeSync } from 'node:fs'
import type { Logger } from 'pino'
import type { ArmedFailpoint } from '../migration/engine/failpoint.ts'

export function announceFailpoint(logger: Logger, failpoint: ArmedFailpoint): void {
  // The log is written soon, which is too late for a process that kills itself now.
  if (failpoint.action === 'kill') writeSync(process.stderr.fd, `${JSON.stringify({ failpoint })}\n`)
  else logger.error({ failpoint }, 'failpoint')
}
