// The command `integrity rotate`: it brings the tenants that have tenant keys of format 1 to format 2, by a rotation each, which the
// running replicas do.
import { KeyholdError } from '@keyhold/core'
import { rotateFirstFormats } from '../../../migration/rotate-first-formats.ts'
import { commandActor } from '../../../store/audits.ts'
import { defaultTimings } from '../../../timings.ts'
import type { CommandSettings } from '../command-settings.ts'
import { shown } from '../../../driver/shown-text.ts'
import { findOtherVersions } from './find-other-versions.ts'
import { withCommandStore } from './open-command-store.ts'

export interface RotateOptions {
  /** 1 to 100. */
  atOnce: number
  /** Receives a line for each tenant. */
  tell: (line: string) => void
  /** Receives what is said besides. */
  say: (line: string) => void
  pollMs?: number
  patienceMs?: number
}

const defaultPollMs = 500
const defaultPatienceMs = 120_000

/**
 * Answers whether no tenant is left.
 *
 * @throws KeyholdError `ERR_ADOPTION_BLOCKED`, `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`
 */
export function rotateIntegrity(settings: CommandSettings, options: RotateOptions): Promise<boolean> {
  const { atOnce, tell, say, pollMs = defaultPollMs, patienceMs = defaultPatienceMs } = options
  return withCommandStore(settings, async ({ store, rootKey }) => {
    if (!rootKey.requiresMacs) {
      throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
        message:
          'New tenant keys get format 2 only where MACs are required: run "keyhold-server integrity adopt" first.',
      })
    }
    const others = await findOtherVersions(store, defaultTimings.replicaGoneMs)
    if (others.length > 0) {
      throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
        message: `Replicas of another version are connected, which may not know format 2: ${others.join('; ')}. Upgrade or stop them, wait ten seconds, and try again.`,
      })
    }
    const hasReplica = async () => (await store.replicas.listLive(defaultTimings.replicaGoneMs)).length > 0
    if (!(await hasReplica())) {
      throw new KeyholdError('ERR_ADOPTION_BLOCKED', {
        message: 'No replica is alive, which would do the rotations: start one with "keyhold-server serve".',
      })
    }
    const { rotated, left } = await rotateFirstFormats(store, {
      ...{ actor: commandActor, atOnce, pollMs, patienceMs, hasReplica },
      onRotated: (tenantId) => {
        tell(`${shown(tenantId)}: rotated`)
      },
      onLeft: (tenantId, reason) => {
        tell(`${shown(tenantId)}: left as it is: ${shown(reason)}`)
      },
    })
    say(
      `${rotated} tenants were rotated, and ${left} are left${left === 0 ? '' : ': run the command again later'}.`,
    )
    return left === 0
  })
}
