// Calls one of the language's own getters on an object, to find out what the object is. Unlike `instanceof` this works
// across realms, and no member that a caller defines on the object can deceive it.

/** A function that calls the getter `name` of `prototype` on a value. It throws where the getter does. */
export function intrinsicGetter(prototype: object, name: PropertyKey): (value: unknown) => unknown {
  const getter = Reflect.getOwnPropertyDescriptor(prototype, name)?.get
  if (getter === undefined) throw new Error(`there is no getter ${String(name)}`)
  return (value) => Reflect.apply(getter, value, []) as unknown
}
