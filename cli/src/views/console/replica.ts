// Replicas for people.
import type { ReplicaList } from '@keyhold/client'
import { formatTable } from '../../output/aligned-text.ts'
import type { View } from '../../output/print-reply.ts'
import { readableTime } from '../readable-time.ts'

export const replicaListView: View<ReplicaList> = {
  ids: ({ replicas }) => replicas.map(({ id }) => id),
  text: ({ replicas }) =>
    formatTable(
      ['ID', 'LIVE', 'HOST', 'VERSION', 'STARTED', 'SEEN'],
      replicas.map(({ id, live, host, version, startedAt, seenAt }) => [
        id,
        live ? 'yes' : 'no',
        host ?? '-',
        version ?? '-',
        readableTime(startedAt),
        readableTime(seenAt),
      ]),
    ),
}
