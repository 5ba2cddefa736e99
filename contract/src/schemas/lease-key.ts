// The versions of the data key for local encryption, as a tenant's admin sees them: never the keys themselves.
import Type, { type Static } from 'typebox'
import { next, pageLimit } from './pages.ts'

export const leaseKey = Type.Object({
  dataKeyId: Type.String({ description: 'The id in the header of every token.' }),
  version: Type.Integer({ minimum: 1 }),
  state: Type.Union([Type.Literal('active'), Type.Literal('decrypt-only'), Type.Literal('retired')], {
    description: 'Leases for encryption are of the active one.',
  }),
  createdAt: Type.String({ description: 'RFC 3339 in UTC.' }),
})

export type LeaseKey = Static<typeof leaseKey>

export const leaseKeyPage = Type.Object({
  leaseKeys: Type.Array(leaseKey, { description: 'The newest first.' }),
  next: next('before'),
})

export const listLeaseKeysQuery = Type.Object({
  before: Type.Optional(
    Type.String({ pattern: '^[1-9][0-9]{0,9}$', description: 'The last version of the previous page.' }),
  ),
  limit: pageLimit('Versions'),
})
