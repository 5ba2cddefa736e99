// A tenant's named data keys, as its admin sees them: never the keys themselves.
import Type, { type Static } from 'typebox'
import { keyNamePattern, limits } from '../limits.ts'
import { noOthers } from './no-others.ts'

const version = Type.Integer({ minimum: 1 })

export const dataKey = Type.Object({
  keyName: Type.String(),
  dataKeyId: Type.String({ description: 'The id in the header of every token.' }),
  activeVersion: Type.Integer({ description: 'The version that encrypts.' }),
  minimumVersion: Type.Integer({ description: 'The oldest version that may still decrypt.' }),
  tampered: Type.Optional(
    Type.Literal(true, {
      description:
        'Somebody else than Keyhold wrote its minimum version: it opens nothing, its numbers are 0, and no version is named.',
    }),
  ),
  destroyAt: Type.Optional(
    Type.String({ description: 'When it will be destroyed, if that is scheduled. RFC 3339 in UTC.' }),
  ),
  versions: Type.Array(
    Type.Object({
      version,
      state: Type.Union([Type.Literal('active'), Type.Literal('decrypt-only'), Type.Literal('retired')]),
      createdAt: Type.String(),
    }),
    { description: 'The newest first, at most 100.' },
  ),
})

export type DataKeyInformation = Static<typeof dataKey>

export const dataKeyPage = Type.Object({
  dataKeys: Type.Array(dataKey, { description: 'In the order of their names.' }),
  next: Type.Optional(
    Type.String({ description: 'The value of `after` for the next page; absent on the last page.' }),
  ),
})

export const listDataKeysQuery = Type.Object({
  after: Type.Optional(
    Type.String({ pattern: keyNamePattern, description: 'The last name of the previous page.' }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `Names on a page: 1 to ${limits.maxDataKeysPerPage}; default ${limits.defaultDataKeysPerPage}.`,
    }),
  ),
})

export const setMinimumVersionBody = Type.Object({ minimumVersion: version }, noOthers)
