// The scopes of API keys, which leave less of a role's permissions: a key may do what its role allows and its scopes name. No scopes leave all of it, an
// empty list leaves nothing. There are no negations, and a beginning of key names is the only pattern.

/** By permission, for which key names it holds. */
export type Scopes = ReadonlyMap<string, KeyNames>

interface KeyNames {
  isAll: boolean
  exact: ReadonlySet<string>
  prefixes: readonly string[]
}

/** @param texts - each `permission`, `permission:name` or `permission:prefix*` */
export function readScopes(texts: readonly string[]): Scopes {
  const byPermission = Map.groupBy(texts.map(partsOf), ({ permission }) => permission)
  return new Map(
    Array.from(byPermission, ([permission, parts]) => {
      const names = parts.map(({ names }) => names)
      const keyNames: KeyNames = {
        isAll: names.some((each) => each === undefined || each === '*'),
        exact: new Set(names.filter((each) => each !== undefined && !each.endsWith('*'))) as Set<string>,
        prefixes: names.flatMap((each) => (each?.endsWith('*') === true ? [each.slice(0, -1)] : [])),
      }
      return [permission, keyNames]
    }),
  )
}

/** Whether anything of the permission is left. */
export function hasPermission(scopes: Scopes | undefined, permission: string): boolean {
  return scopes === undefined || scopes.has(permission)
}

/** @param keyName - undefined: a data key without a name of its own, for which only a permission for all names is enough */
export function permitsKeyName(
  scopes: Scopes | undefined,
  permission: string,
  keyName: string | undefined,
): boolean {
  if (scopes === undefined) return true
  const names = scopes.get(permission)
  if (names === undefined) return false
  if (names.isAll) return true
  if (keyName === undefined) return false
  return names.exact.has(keyName) || names.prefixes.some((prefix) => keyName.startsWith(prefix))
}

/**
 * Whether whoever has the one list may give the other one: each scope of it must lie within one of his.
 *
 * @param given - undefined: all that the role allows
 */
export function areWithin(given: readonly string[] | undefined, own: readonly string[] | undefined): boolean {
  if (own === undefined) return true
  if (given === undefined) return false
  const scopes = readScopes(own)
  return given.map(partsOf).every(({ permission, names = '*' }) => {
    if (!names.endsWith('*')) return permitsKeyName(scopes, permission, names)
    const ownNames = scopes.get(permission)
    const prefix = names.slice(0, -1)
    return (
      ownNames !== undefined && (ownNames.isAll || ownNames.prefixes.some((each) => prefix.startsWith(each)))
    )
  })
}

function partsOf(text: string): { permission: string; names: string | undefined } {
  const [permission = '', names] = text.split(':', 2)
  return { permission, names }
}
