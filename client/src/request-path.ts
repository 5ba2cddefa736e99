// From a route's path and its parameters to the path of a request.

/**
 * Fills in the `:names` of `path`, and adds the query.
 *
 * @throws TypeError when a parameter is absent, or cannot be one segment of a URL: empty, or dots that every URL parser
 * takes for "here" or "up", encoded or not.
 */
export function requestPath(
  path: string,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>> = {},
): string {
  const filled = path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined || value === '' || value === '.' || value === '..') {
      throw new TypeError(
        `"${name}" expected one path segment, got ${value === undefined ? 'nothing' : `"${value}"`}`,
      )
    }
    return encodeURIComponent(value)
  })
  const search = new URLSearchParams(query).toString()
  return search === '' ? filled : `${filled}?${search}`
}
