// What an argument should be, and from that all arguments that it should not be.
import { junk, junkNames, type JunkName } from './junk.ts'

export interface Shape<Scene> {
  /** A right one, made anew for each call. */
  good: (scene: Scene) => unknown
  /** The junk that is none here; undefined is one of them where the argument may be absent. */
  accepts?: readonly JunkName[]
  /** Of an object: its members. */
  members?: Readonly<Record<string, Shape<Scene>>>
  /** Whether the object may have any other members besides. */
  isOpen?: boolean
  /** Of a list: what its elements are. */
  element?: Shape<Scene>
}

export interface Variant<Scene> {
  /** The place of what is wrong. */
  path: string
  /** What stands there. */
  what: string
  make: (scene: Scene) => unknown
  isAccepted: boolean
}

/** The argument with every kind of junk, in its own place and in the place of each of its members. */
export function variantsOf<Scene>(shape: Shape<Scene>, path: string): Variant<Scene>[] {
  const { good, accepts = [], members, element, isOpen = false } = shape
  const withMember = (scene: Scene, name: string, value: unknown): unknown => ({
    ...(good(scene) as object),
    [name]: value,
  })
  const variants: Variant<Scene>[] = junkNames.map((name) => ({
    path,
    what: name,
    make: junk[name],
    isAccepted: accepts.includes(name),
  }))
  for (const [name, member] of Object.entries(members ?? {}))
    for (const variant of variantsOf(member, `${path}.${name}`))
      variants.push({ ...variant, make: (scene) => withMember(scene, name, variant.make(scene)) })
  if (members !== undefined && !isOpen) {
    const make = (scene: Scene): unknown => withMember(scene, 'another', undefined)
    variants.push({ path: `${path}.another`, what: 'a member that is not known', make, isAccepted: false })
  }
  if (element !== undefined)
    for (const variant of variantsOf(element, `${path}[0]`))
      variants.push({ ...variant, make: (scene) => [variant.make(scene)] })
  return variants
}
