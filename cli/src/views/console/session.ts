// Who calls, for people.
import type { Session } from '@keyhold/client'
import { formatFields } from '../../output/aligned-text.ts'
import type { View } from '../../output/print-reply.ts'
import { readableTime } from '../readable-time.ts'

export const sessionView: View<Session> = {
  ids: ({ caller }) => [caller.id],
  text: ({ caller, permissions, tenant }) =>
    formatFields([
      ['caller', caller.id],
      ['kind', caller.kind],
      ['name', caller.name],
      ['role', caller.role],
      ['tenant', tenant?.id],
      ['ends', caller.expiresAt === undefined ? undefined : readableTime(caller.expiresAt)],
      ['may', permissions.length === 0 ? 'nothing' : permissions],
    ]),
}
