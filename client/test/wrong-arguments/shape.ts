// Describes an argument, and makes from that description the arguments that are wrong.
import { junk, junkNames, type JunkName } from './junk.ts'

export interface Shape<Scene> {
  /** Makes a right argument. */
  good: (scene: Scene) => unknown
  /** The junk that is right here; "undefined" where the argument may be absent. */
  accepts?: readonly JunkName[]
  /** The members, where it is an object. */
  members?: Readonly<Record<string, Shape<Scene>>>
  /** Whether the object may have other members. */
  isOpen?: boolean
  /** The elements, where it is a list. */
  element?: Shape<Scene>
}

export interface Variant<Scene> {
  /** The place of the junk. */
  path: string
  /** The name of the junk. */
  what: string
  make: (scene: Scene) => unknown
  isAccepted: boolean
}

/** The argument replaced by each kind of junk, and each of its members likewise. */
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
