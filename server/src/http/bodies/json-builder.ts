// Puts the value of a JSON text together from its parts, in their order, and refuses a part that does not belong there.
import { invalidJson, isPrototypeMember, jsonLimits } from '../../json/json-rules.ts'

type Container = unknown[] | Record<string, unknown>
type Expected = 'value' | 'value or end' | 'name' | 'name or end' | 'colon' | 'comma or end' | 'nothing'

export interface JsonBuilder {
  isNameDue(): boolean
  name(name: string): void
  colon(): void
  /** A text, number or word. */
  value(value: unknown): void
  begin(container: Container): void
  /** Ends a list, or an object. */
  end(isList: boolean): void
  comma(): void
  /** The whole value, once all parts are there. */
  result(): unknown
}

export function createJsonBuilder(): JsonBuilder {
  const { maxDepth, maxValues } = jsonLimits
  // Around the place that is filled next, the outermost first. The name is that of an object's next member.
  const open: { container: Container; name: string }[] = []
  let expected: Expected = 'value'
  let whole: unknown
  let values = 0

  function demand(one: Expected, other: Expected = one): void {
    if (expected !== one && expected !== other) throw invalidJson()
  }

  function countValue(): void {
    if (++values > maxValues) throw invalidJson()
  }

  function put(value: unknown): void {
    const place = open.at(-1)
    expected = place === undefined ? 'nothing' : 'comma or end'
    if (place === undefined) whole = value
    else if (Array.isArray(place.container)) place.container.push(value)
    else if (isPrototypeMember(place.name, value)) throw invalidJson()
    else place.container[place.name] = value
  }

  return {
    isNameDue: () => expected === 'name' || expected === 'name or end',

    name(name) {
      demand('name', 'name or end')
      const place = open.at(-1)
      if (place === undefined || Object.hasOwn(place.container, name)) throw invalidJson()
      place.name = name
      expected = 'colon'
    },

    colon() {
      demand('colon')
      expected = 'value'
    },

    value(value) {
      demand('value', 'value or end')
      put(value)
    },

    begin(container) {
      demand('value', 'value or end')
      if (open.length >= maxDepth) throw invalidJson()
      countValue()
      open.push({ container, name: '' })
      expected = Array.isArray(container) ? 'value or end' : 'name or end'
    },

    end(isList) {
      demand('comma or end', isList ? 'value or end' : 'name or end')
      const closed = open.pop()
      if (closed === undefined || Array.isArray(closed.container) !== isList) throw invalidJson()
      put(closed.container)
    },

    comma() {
      demand('comma or end')
      countValue()
      expected = Array.isArray(open.at(-1)?.container) ? 'value' : 'name'
    },

    result() {
      demand('nothing')
      return whole
    },
  }
}
