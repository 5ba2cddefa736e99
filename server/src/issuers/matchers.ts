// How a mapping looks at a claim, or of a name in a certificate. There are no patterns but a beginning, which ends where a part of the
// text ends: `team-a` would also begin `team-attackers`.

export type Scalar = string | number | boolean

export type Matcher =
  | { kind: 'exact'; values: ReadonlySet<Scalar> }
  /** It ends with one of `prefixEnds`. */
  | { kind: 'prefix'; prefix: string }

export const prefixEnds = ':/#@.'

/** The value that matches: of a list the first one. A text never equals a number. */
export function findMatch(matcher: Matcher, value: unknown): Scalar | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.find((each): each is Scalar =>
    matcher.kind === 'exact'
      ? matcher.values.has(each as Scalar)
      : // More than the beginning itself: whoever bears it alone is not meant.
        typeof each === 'string' && each.length > matcher.prefix.length && each.startsWith(matcher.prefix),
  )
}

/**
 * The claim of that name, or at that JSON Pointer. A pointer leads through objects alone.
 *
 * @param name - a JSON Pointer, if it begins with `/`
 */
export function findClaim(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (!name.startsWith('/')) return ownOf(claims, name)
  return name
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(ownOf, claims)
}

function ownOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}
