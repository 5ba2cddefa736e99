// Versions of the data key for local encryption, for people.
import type { LeaseKey } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const leaseKeyView: View<LeaseKey> = {
  ids: ({ version }) => [String(version)],
  text: ({ dataKeyId, version, state, createdAt }) =>
    formatFields([
      ['data key', dataKeyId],
      ['version', String(version)],
      ['state', state],
      ['made', readableTime(createdAt)],
    ]),
}

export const leaseKeyListView: View<{ leaseKeys: LeaseKey[] }> = {
  ids: ({ leaseKeys }) => leaseKeys.map(({ version }) => String(version)),
  text: ({ leaseKeys }) =>
    formatTable(
      ['VERSION', 'STATE', 'MADE', 'DATA KEY'],
      leaseKeys.map(({ dataKeyId, version, state, createdAt }) => [
        String(version),
        state,
        readableTime(createdAt),
        dataKeyId,
      ]),
    ),
}
