// Reads a value out of JSON, and says by a JSON Pointer (RFC 6901) what is wrong with it. It never repeats the value.

/** A value, and where it stands. */
export interface Place {
  value: unknown
  pointer: string
}

/** `expects` completes the sentence "POINTER expects …". */
export class PlaceFault extends Error {
  readonly pointer: string
  readonly expects: string

  constructor({ pointer }: Pick<Place, 'pointer'>, expects: string) {
    super(`${pointer === '' ? 'The whole' : pointer} expects ${expects}`)
    this.pointer = pointer
    this.expects = expects
  }
}

/** The member, where the object has it. */
export type Members = (name: string) => Place | undefined

export interface TextRules {
  max: number
  form?: RegExp
  expects: string
}

export function memberOf({ pointer }: Pick<Place, 'pointer'>, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

export function readEntries(place: Place, expects = 'an object'): [name: string, member: Place][] {
  const { value } = place
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PlaceFault(place, expects)
  return Object.entries(value as Record<string, unknown>).map(([name, member]) => [
    name,
    { value: member, pointer: memberOf(place, name) },
  ])
}

/** @param known - the names that it may have */
export function readMembers(place: Place, known: readonly string[]): Members {
  const members = new Map(readEntries(place))
  for (const [name, member] of members) {
    if (!known.includes(name)) throw new PlaceFault(member, `not to be there: known are ${known.join(', ')}`)
  }
  return (name) => members.get(name)
}

export function required(members: Members, name: string, of: Pick<Place, 'pointer'>): Place {
  const member = members(name)
  if (member === undefined) throw new PlaceFault({ pointer: memberOf(of, name) }, 'to be there')
  return member
}

export function readText(place: Place, { max, form, expects }: TextRules): string {
  const { value } = place
  if (typeof value === 'string' && value !== '' && value.length <= max && form?.test(value) !== false)
    return value
  throw new PlaceFault(place, expects)
}

export function readList(place: Place, { min, max }: { min: number; max: number }): Place[] {
  const { value, pointer } = place
  if (!Array.isArray(value) || value.length < min || value.length > max) {
    throw new PlaceFault(place, `a list of ${min} to ${max}`)
  }
  return value.map((each: unknown, index) => ({ value: each, pointer: `${pointer}/${index}` }))
}

/** Without one twice. */
export function readTexts(place: Place, rules: TextRules, bounds: { min: number; max: number }): string[] {
  const texts = readList(place, bounds).map((each) => readText(each, rules))
  if (new Set(texts).size !== texts.length) throw new PlaceFault(place, 'no text twice')
  return texts
}

export function readFlag(place: Place | undefined): boolean {
  if (place === undefined) return false
  if (typeof place.value === 'boolean') return place.value
  throw new PlaceFault(place, 'true or false')
}

export function readWhole(place: Place, { min, max }: { min: number; max: number }): number {
  const { value } = place
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new PlaceFault(place, `a whole number from ${min} to ${max}`)
}

export function readOneOf<const Word extends string>(place: Place, words: readonly Word[]): Word {
  const found = words.find((word) => word === place.value)
  if (found === undefined) throw new PlaceFault(place, `one of ${words.join(', ')}`)
  return found
}
