// Makes the path of a request from a route's path and its parameters.
import { memberOf } from './checks/member-of.ts'
import { plainEntries } from './checks/plain-entries.ts'
import { wrongMember } from './checks/wrong-member.ts'

const code = 'ERR_CLIENT_PARAMETER_INVALID'

/**
 * Fills in the `:names` of `path`, and adds the query.
 *
 * @throws KeyholdClientError `ERR_CLIENT_PARAMETER_INVALID` for a parameter that is absent, or that cannot be one
 * segment of a URL: an empty one, and dots, which every URL parser takes for "here" or "up" even when they are encoded;
 * `ERR_CLIENT_OPTION_UNKNOWN` for a parameter that the path does not have
 */
export function requestPath(path: string, params: unknown, query: unknown): string {
  const given = new Map(params === undefined ? [] : plainEntries(params, code, 'options.params'))
  const filled = path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const value = given.get(name)
    given.delete(name)
    const text = readUrlText(value, memberOf('options.params', name))
    if (text === '' || text === '.' || text === '..')
      throw wrongMember(code, memberOf('options.params', name), 'one segment of a path')
    return encodeURIComponent(text)
  })
  for (const name of given.keys())
    throw wrongMember(
      'ERR_CLIENT_OPTION_UNKNOWN',
      memberOf('options.params', name),
      'nothing: the path has none',
    )
  const search = new URLSearchParams(queryPairs(query)).toString()
  return search === '' ? filled : `${filled}?${search}`
}

/** A parameter that is undefined counts as absent. */
function queryPairs(query: unknown): [string, string][] {
  if (query === undefined) return []
  return plainEntries(query, code, 'options.query')
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, readUrlText(value, memberOf('options.query', name))])
}

/** A URL cannot carry a lone surrogate. */
function readUrlText(value: unknown, member: string): string {
  if (typeof value === 'string' && value.isWellFormed()) return value
  throw wrongMember(code, member, 'well-formed text')
}
