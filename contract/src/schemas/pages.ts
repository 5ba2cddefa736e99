// The members that all lists have which answer page by page.
import Type from 'typebox'
import { limits } from '../limits.ts'

export const next = (cursor: 'after' | 'before') =>
  Type.Optional(
    Type.String({
      description: `The value of \`${cursor}\` for the next page; absent on the last page.`,
    }),
  )

/** The query's \`limit\`, from 1 to 1,000. */
export const pageLimit = (what: string) =>
  Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `${what} on a page: 1 to ${limits.maxListedPerPage}; default ${limits.defaultListedPerPage}.`,
    }),
  )

/** \`next\` of the page before, in a list by the time of creation: microseconds since 1970, a full stop, the id. */
const positionPattern = '^[0-9]{1,16}[.][A-Za-z0-9_-]{1,64}$'

export const listByAgeQuery = (what: string) =>
  Type.Object({
    after: Type.Optional(
      Type.String({ pattern: positionPattern, description: '`next` of the previous page, as it came.' }),
    ),
    limit: pageLimit(what),
  })
