// Reading parsed JSON whose form a test does not take for granted.

/** The value at a path into a JSON value; undefined where there is nothing. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Object.entries(found).find(([key]) => key === String(name))?.[1]
  }
  return found
}

/** The string at a path. */
export function textAt(value: unknown, ...path: (string | number)[]): string {
  const found = at(value, ...path)
  if (typeof found !== 'string')
    throw new TypeError(`no string at ${path.join('.')} of ${JSON.stringify(value)}`)
  return found
}

/** The list at a path. */
export function listAt(value: unknown, ...path: (string | number)[]): unknown[] {
  const found = at(value, ...path)
  if (!Array.isArray(found)) throw new TypeError(`no list at ${path.join('.')} of ${JSON.stringify(value)}`)
  return found
}

/** The code of an error envelope. */
export function errorCode(body: unknown): string {
  return textAt(body, 'errors', 0, 'code')
}

/** A body without what differs from request to request, to compare two refusals. */
export function withoutTrace(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'traceId'))
}
