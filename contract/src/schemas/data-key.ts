// A tenant's named data keys, as its admin sees them: never the keys themselves.
import Type, { type Static } from 'typebox'
import { keyNamePattern, limits } from '../limits.ts'
import { noOthers } from './no-others.ts'

const version = Type.Integer({ minimum: 1 })

export const dataKey = Type.Object({
  keyName: Type.String(),
  dataKeyId: Type.String({ description: 'As in the header of every token.' }),
  activeVersion: Type.Integer({ description: 'The one that encrypts.' }),
  minimumVersion: Type.Integer({ description: 'What is encrypted under older ones is refused.' }),
  destroyAt: Type.Optional(
    Type.String({ description: 'When it will be destroyed, if that is scheduled. RFC 3339, UTC.' }),
  ),
  versions: Type.Array(
    Type.Object({
      version,
      state: Type.Union([Type.Literal('active'), Type.Literal('decrypt-only'), Type.Literal('retired')]),
      createdAt: Type.String(),
    }),
    { description: 'The newest first; no more than the newest 100.' },
  ),
})

export type DataKeyInformation = Static<typeof dataKey>

export const dataKeyPage = Type.Object({
  dataKeys: Type.Array(dataKey, { description: 'By name.' }),
  next: Type.Optional(Type.String({ description: 'For `after`; absent on the last page.' })),
})

export const listDataKeysQuery = Type.Object({
  after: Type.Optional(
    Type.String({ pattern: keyNamePattern, description: 'The last name of the page before.' }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `Names of a page: 1 to ${limits.maxDataKeysPerPage}; default ${limits.defaultDataKeysPerPage}.`,
    }),
  ),
})

export const setMinimumVersionBody = Type.Object({ minimumVersion: version }, noOthers)
