// Data keys for people.
import type { DataKeyInformation } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const dataKeyView: View<DataKeyInformation> = {
  ids: ({ keyName }) => [keyName],
  text: ({ keyName, dataKeyId, activeVersion, minimumVersion, destroyAt, versions }) =>
    formatFields([
      ['name', keyName],
      ['data key', dataKeyId],
      ['active version', String(activeVersion)],
      ['minimum version', String(minimumVersion)],
      ['to be destroyed', destroyAt && readableTime(destroyAt)],
      [
        'versions',
        versions.map(({ version, state, createdAt }) => `${version}  ${state}  ${readableTime(createdAt)}`),
      ],
    ]),
}

export const dataKeyListView: View<{ dataKeys: DataKeyInformation[] }> = {
  ids: ({ dataKeys }) => dataKeys.map(({ keyName }) => keyName),
  text: ({ dataKeys }) =>
    formatTable(
      ['NAME', 'ACTIVE', 'MINIMUM', 'ACTIVE SINCE', 'DATA KEY'],
      dataKeys.map(({ keyName, dataKeyId, activeVersion, minimumVersion, versions }) => [
        keyName,
        String(activeVersion),
        String(minimumVersion),
        readableTime(versions[0]?.createdAt ?? ''),
        dataKeyId,
      ]),
    ),
}
