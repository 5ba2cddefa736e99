// Data keys for people.
import type { DataKeyInformation } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const dataKeyView: View<DataKeyInformation> = {
  ids: ({ keyName }) => [keyName],
  text: ({ keyName, dataKeyId, activeVersion, minimumVersion, tampered, destroyAt, versions }) =>
    formatFields([
      ['name', keyName],
      ['data key', dataKeyId],
      ['state', tampered && 'tampered'],
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
      dataKeys.map(({ keyName, dataKeyId, activeVersion, minimumVersion, tampered, versions }) => [
        keyName,
        tampered === true ? 'tampered' : String(activeVersion),
        tampered === true ? '-' : String(minimumVersion),
        tampered === true ? '-' : readableTime(versions[0]?.createdAt ?? ''),
        dataKeyId,
      ]),
    ),
}
