// Named points at which a test may kill, throw or wait. Without a test they cost one call of an empty function.
import { KeyholdError } from '@keyhold/core'
import { setTimeout } from 'node:timers/promises'

export const failpointNames = [
  'migration.start.before-insert',
  'migration.start.before-commit',
  'migration.start.after-commit',
  'migration.prepare.before-kms',
  'migration.prepare.after-kms',
  'migration.prepare.before-commit',
  'migration.prepare.after-commit',
  'migration.dual.before-kms',
  'migration.dual.before-lock',
  'migration.dual.before-commit',
  'migration.dual.after-commit',
  'migration.copy.before-chunk',
  'migration.copy.before-update',
  'migration.copy.before-commit',
  'migration.copy.after-commit',
  'migration.copy.before-end',
  'migration.verify.before',
  'migration.verify.before-kms',
  'migration.verify.before-chunk',
  'migration.verify.before-commit',
  'migration.verify.after-commit',
  'migration.cutover.before-lock',
  'migration.cutover.before-commit',
  'migration.cutover.after-commit',
  'migration.cancel.before-commit',
  'migration.cancel.after-commit',
  'migration.abort.before-commit',
  'migration.abort.after-commit',
] as const

export type FailpointName = (typeof failpointNames)[number]

/** Called at each named point; what it throws is thrown there. */
export type Failpoint = (name: FailpointName) => Promise<void> | void

export const noFailpoint: Failpoint = () => undefined

const form = /^(?<name>[a-z.-]+)=(?<action>kill|throw|delay:(?<delayMs>[0-9]{1,6}))(?:@(?<hit>[0-9]{1,6}))?$/

/**
 * Reads failpoints as tests write them: `name=kill`, `name=throw`, `name=delay:250`, separated by commas, each with
 * `@N` for the N-th time alone (default 1).
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`
 */
export function parseFailpoints(text: string): Failpoint {
  const waiting = new Map<string, { action: string; delayMs: number; hit: number }>()
  for (const part of text.split(',').filter((each) => each !== '')) {
    const { name, action, delayMs, hit } = form.exec(part)?.groups ?? {}
    if (name === undefined || action === undefined || !failpointNames.some((known) => known === name)) {
      throw new KeyholdError('ERR_CONFIG_INVALID', { message: `There is no such failpoint: ${part}` })
    }
    waiting.set(name, { action, delayMs: Number(delayMs ?? 0), hit: Number(hit ?? 1) })
  }
  return async (name) => {
    const failpoint = waiting.get(name)
    if (failpoint === undefined) return
    failpoint.hit -= 1
    if (failpoint.hit > 0) return
    waiting.delete(name)
    if (failpoint.action === 'kill') process.kill(process.pid, 'SIGKILL')
    if (failpoint.action === 'throw') throw new Error(`failpoint ${name}`)
    await setTimeout(failpoint.delayMs)
  }
}
