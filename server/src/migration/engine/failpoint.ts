// Named points at which a test may kill, throw, wait, or cut the connections to the database. Without a test they
// cost one call of an empty function.
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

/** The engine calls it at each named point. An error that it throws is thrown there. */
export type Failpoint = (name: FailpointName) => Promise<void> | void

export const noFailpoint: Failpoint = () => undefined

/** The action when a point is passed for the `hit`-th time, counted from 1. */
export interface ArmedFailpoint {
  name: FailpointName
  action: 'kill' | 'throw' | 'cut' | 'delay'
  delayMs: number
  hit: number
}

const form =
  /^(?<name>[a-z.-]+)=(?<action>kill|throw|cut|delay(?=:))(?::(?<delayMs>[0-9]{1,6}))?(?:@(?<hit>[0-9]{1,6}))?$/

/**
 * Reads failpoints as tests write them: `name=kill`, `name=throw`, `name=cut`, `name=delay:250`, separated by commas,
 * each with `@N` for the N-th time alone (default 1).
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`
 */
export function parseFailpoints(text: string): ArmedFailpoint[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const { name: found, action, delayMs, hit } = form.exec(part)?.groups ?? {}
      const name = failpointNames.find((known) => known === found)
      if (name === undefined || (delayMs !== undefined) !== (action === 'delay')) {
        throw new KeyholdError('ERR_CONFIG_INVALID', { message: `There is no such failpoint: ${part}` })
      }
      return {
        name,
        action: action as ArmedFailpoint['action'],
        delayMs: Number(delayMs ?? 0),
        hit: Number(hit ?? 1),
      }
    })
}

export interface FailpointActions {
  /** Cuts every connection of this process to the database. */
  cut: () => void
  /** Called before each failpoint acts. Its output must be written when it returns. */
  announce: (failpoint: ArmedFailpoint) => void
}

export type ArmFailpoints = (actions: FailpointActions) => Failpoint

/** Arms the failpoints. Each acts once. */
export function armFailpoints(
  armed: readonly ArmedFailpoint[],
  { cut, announce }: FailpointActions,
): Failpoint {
  const waiting = new Set(armed.map((each) => ({ ...each })))
  return async (name) => {
    for (const each of waiting) {
      if (each.name !== name || --each.hit > 0) continue
      waiting.delete(each)
      announce(each)
      if (each.action === 'kill') process.kill(process.pid, 'SIGKILL')
      if (each.action === 'throw') throw new Error(`failpoint ${name}`)
      if (each.action === 'cut') cut()
      if (each.action === 'delay') await setTimeout(each.delayMs)
    }
  }
}
