// Describes the SDK's arguments, and which junk is right in their place.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { JunkName } from './junk.ts'
import type { Scene } from './scene.ts'
import type { Shape as ShapeOf } from './shape.ts'

export type Shape = ShapeOf<Scene>

export const absent = ['undefined'] as const
const numbers = ['zero', 'a number', 'a negative number'] as const
const texts = ['an empty text', 'a text', 'a text with a NUL'] as const
const bytes = ['a Uint8Array', 'a Buffer', 'bytes in shared memory'] as const
export const functions = ['a function', 'a class'] as const

export function of(good: unknown, ...accepts: JunkName[]): Shape {
  return { good: () => good, accepts }
}

/** An object whose members are all known. */
export function object(members: Readonly<Record<string, Shape>>): Shape {
  const good = (scene: Scene): object =>
    Object.fromEntries(Object.entries(members).map(([name, member]) => [name, member.good(scene)]))
  return { good, members }
}

/** Such an object that may be absent, as may each of its members. */
export function options(members: Readonly<Record<string, Shape>>): Shape {
  return { ...object(members), accepts: [...absent, 'an empty object'] }
}

export function list(element: Shape): Shape {
  return { good: (scene) => [element.good(scene)], accepts: ['an empty array'], element }
}

export const context = of({ a: 'b' }, ...absent, 'an empty object')
export const keyName = of('people', ...absent)
export const signal = of(new AbortController().signal, ...absent)
export const flag = of(true, ...absent, 'true')
export const retries = of(1, ...absent, 'zero', 'a number')
export const callback = of(() => undefined, ...absent, 'a function')
export const plaintext = of('text', ...texts, ...bytes)
export const token: Shape = { good: (scene) => scene.token, accepts: [...texts, 'a lone surrogate'] }

/** Texts that become part of a context: tables, columns, ids. */
export const name = of('customers', 'a text')

export const plainFile: Shape = { good: (scene) => scene.plainPath, accepts: ['a text'] }
export const encryptedFile: Shape = { good: (scene) => scene.encryptedPath, accepts: ['a text'] }
export const newFile: Shape = { good: (scene) => join(scene.folder, randomUUID()), accepts: ['a text'] }
export const start = of(0, ...numbers)
export const end = of(2, ...absent, ...numbers)
export const size = of(100, 'zero', 'a number')

const fieldValue = of(
  'text',
  ...[...absent, ...texts, ...bytes, ...numbers],
  ...(['null', 'true', 'a fraction', 'NaN', 'Infinity', 'a huge number', 'a bigint', 'a Date'] as const),
)

export const record: Shape = {
  good: () => ({ id: '7', ssn: '078-05-1120' }),
  // Without a field there is nothing to encrypt.
  accepts: [
    ...(['an empty object', 'an object with another member', 'an object in itself'] as const),
    ...(['an object like a signal', 'an object with a hidden member'] as const),
  ],
  members: { id: name, ssn: fieldValue },
  isOpen: true,
}

// The content of an encrypted field is not checked here: where it is no token, the record's result says so.
export const storedRecord: Shape = { ...record, good: (scene) => scene.stored, members: { id: name } }

export const fieldPaths: Shape = { ...list(of('ssn', 'a text')), accepts: [] }

export const recordId = of(({ id }: { id: string }) => id, ...functions)

export const jsonBody = of(
  { items: [] },
  ...[...absent, ...numbers, ...texts],
  ...(['null', 'true', 'a fraction', 'a huge number', 'a lone surrogate', 'an empty object'] as const),
  ...(['an object with another member', 'an empty array', 'an array of a number'] as const),
)

const auditText = of('a', ...texts)

export const auditRecord = object({
  tenantId: of('acme', ...absent, ...texts),
  sequence: of(1, 'a number'),
  id: of('018f3c1e-0000-7000-8000-0000000000d1'),
  at: of(new Date(0), 'a Date'),
  actorId: auditText,
  actorRole: of('service', ...absent, ...texts),
  action: auditText,
  targetKind: auditText,
  targetId: auditText,
  traceId: of('t', ...absent, ...texts),
  details: of({ a: 'b' }, 'an empty object'),
})
