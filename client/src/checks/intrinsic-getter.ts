// What an object truly is: a getter of the language's own, called on the object itself. Unlike `instanceof` and the
// object's members it works across realms, and nothing that a caller defines on the object deceives it.

/** Answers what the getter `name` of `prototype` says about a value. It throws where the prototype's own getter does. */
export function intrinsicGetter(prototype: object, name: PropertyKey): (value: unknown) => unknown {
  const getter = Reflect.getOwnPropertyDescriptor(prototype, name)?.get
  if (getter === undefined) throw new Error(`there is no getter ${String(name)}`)
  return (value) => Reflect.apply(getter, value, []) as unknown
}
