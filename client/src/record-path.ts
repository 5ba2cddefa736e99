// Paths with dots into plain objects: "ssn", "notes.private".

export interface FieldPath {
  text: string
  segments: readonly string[]
}

/** @throws TypeError for an empty list, an empty segment, a path given twice or inside another one */
export function checkPaths(texts: readonly string[]): FieldPath[] {
  if (texts.length === 0) throw new TypeError('"paths" expected at least one path')
  const paths = texts.map((text) => ({ text, segments: text.split('.') }))
  for (const [index, { text, segments }] of paths.entries()) {
    if (segments.some((segment) => segment === '' || segment === '__proto__'))
      throw new TypeError(`"paths" expected names with dots between them, got "${text}"`)
    const others = texts.filter((_, otherIndex) => otherIndex !== index)
    if (others.some((other) => other === text || other.startsWith(`${text}.`)))
      throw new TypeError(`"paths" expected none inside another one, got "${text}"`)
  }
  return paths
}

/** The value at a path, undefined where there is none. @throws TypeError where the path leads through a list or value */
export function getField(record: object, { text, segments }: FieldPath): unknown {
  let value: unknown = record
  for (const segment of segments) {
    if (value === undefined || value === null) return undefined
    if (!isPlain(value)) throw new TypeError(`"${text}" expected plain objects on its way`)
    value = Object.hasOwn(value, segment) ? value[segment] : undefined
  }
  return value
}

/** A copy with other values at the paths, which all exist; whatever lies beside them is shared. */
export function replaceFields(record: object, changes: ReadonlyMap<FieldPath, unknown>): object {
  const copy: Record<string, unknown> = { ...record }
  const copied = new Set<unknown>([copy])
  for (const [{ segments }, value] of changes) {
    let place = copy
    for (const segment of segments.slice(0, -1)) {
      const next = place[segment]
      if (!isPlain(next)) throw new TypeError(`"${segment}" expected a plain object`)
      const own = copied.has(next) ? next : { ...next }
      copied.add(own)
      place[segment] = own
      place = own
    }
    place[segments.at(-1) ?? ''] = value
  }
  return copy
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}
