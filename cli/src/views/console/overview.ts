// The state of a tenant for people.
import type { Overview } from '@keyhold/client'
import { formatFields } from '../../output/aligned-text.ts'
import type { View } from '../../output/print-reply.ts'
import { kmsName } from '../kms-name.ts'
import { readableTime } from '../readable-time.ts'

const parties: Readonly<Record<Overview['turn']['owner'], string>> = {
  operator: 'the operator of this installation',
  you: 'the people of this tenant',
  'your-key': 'whoever manages the key in its KMS',
  aws: 'AWS',
  nobody: 'nobody',
}

export const overviewView: View<Overview> = {
  ids: ({ turn }) => [turn.code],
  text: ({ tenant, turn, keys, formerKeys, lock, keyJob, nextDestruction }) =>
    formatFields([
      ['tenant', tenant.name === tenant.id ? tenant.id : `${tenant.name} (${tenant.id})`],
      ['state', turn.text],
      ['since', turn.since === undefined ? undefined : readableTime(turn.since)],
      ['data', turn.data],
      ['acts', parties[turn.owner]],
      ['locked', lock.locked ? `by ${lock.lockedByName ?? lock.lockedBy ?? '-'}` : undefined],
      ['reason', lock.reason],
      ['keys', keys.map(keyText)],
      ['former keys', formerKeys.map(({ arn, light }) => `${kmsName(arn)}: ${lightText(light)}`)],
      ['key job', keyJob === undefined ? undefined : `${keyJob.kind} ${keyJob.id}, ${keyJob.phase}`],
      [
        'destroyed next',
        nextDestruction === undefined
          ? undefined
          : `${nextDestruction.keyName ?? nextDestruction.kind}, ${readableTime(nextDestruction.dueAt)}`,
      ],
    ]),
}

function keyText({ name, current, health, light, tampered }: Overview['keys'][number]): string {
  const state = tampered === true ? 'tampered' : health?.state
  const parts = [current ? 'current' : undefined, state, light && lightText(light)]
  return `${name}: ${parts.filter((part) => part !== undefined).join(', ') || 'not current'}`
}

function lightText({ state, until, since }: NonNullable<Overview['keys'][number]['light']>): string {
  if (state === 'in-use') return 'in use'
  if (state === 'shared') return 'another tenant uses it'
  if (state === 'kept') return `kept for backups until ${until === undefined ? '-' : readableTime(until)}`
  return `safe to delete since ${since === undefined ? '-' : readableTime(since)}`
}
