// A refused body costs no more than the look to its first fault, however long it is. Reads are counted, not milliseconds.
import { limits, type RouteId } from '@keyhold/contract'
import { routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'
import { isKeyholdError } from '@keyhold/core'
import Type, { type TArrayOptions, type TSchema } from 'typebox'
import { Errors } from 'typebox/value'
import { describe, expect, it, test } from 'vitest'
import { checkBody } from '../../../src/http/server/check-request.ts'

const bodies = Object.entries<RouteSchemas>(routeSchemas).flatMap(([id, { body }]) =>
  body === undefined ? [] : [{ id: id as RouteId, schema: body }],
)

interface List {
  /** The members around the list. */
  path: string[]
  maxItems: number | undefined
}

function listsIn(schema: TSchema, path: string[] = []): List[] {
  if (Type.IsArray(schema)) {
    const { maxItems } = schema as Pick<TArrayOptions, 'minItems' | 'maxItems'>
    return [{ path, maxItems }, ...listsIn(schema.items, [...path, '0'])]
  }
  const members = Type.IsObject(schema) ? Object.entries(schema.properties) : []
  return members.flatMap(([name, member]) => listsIn(member, [...path, name]))
}

const lists = bodies.flatMap(({ id, schema }) => listsIn(schema).map((list) => ({ id, ...list })))

/** A value that counts how often one of its members or elements is read. */
function counted<Target extends object>(target: Target): { value: Target; reads: () => number } {
  let reads = 0
  const value = new Proxy(target, {
    get(from, name, receiver) {
      if (typeof name === 'string' && name !== 'length') reads++
      return Reflect.get(from, name, receiver) as unknown
    },
  })
  return { value, reads: () => reads }
}

function refusal(routeId: RouteId, body: unknown): string {
  try {
    checkBody(routeId, body)
  } catch (error) {
    if (isKeyholdError(error, 'ERR_INVALID_REQUEST')) return error.message
    throw error
  }
  throw new Error('the body was not refused')
}

function at(path: string[], value: unknown): unknown {
  return path.reduceRight((inner, name) => ({ [name]: inner }), value)
}

describe('a list in a body', () => {
  it('has a greatest length, on every route', () => {
    expect(lists.length).toBeGreaterThan(3)
    for (const { maxItems } of lists) expect(maxItems).toBeLessThanOrEqual(limits.maxItems)
  })

  test.each(lists)('of $id is measured before its elements are read', ({ id, path, maxItems }) => {
    const { value, reads } = counted(new Array(99_990).fill(1))
    const place = path.length === 0 ? 'The body' : `The member /${path.join('/')}`
    expect(refusal(id, at(path, value))).toBe(`${place} must not have more than ${maxItems} items.`)
    expect(reads()).toBe(0)
  })

  it('is read up to the first element that is wrong', () => {
    const { value, reads } = counted(new Array(limits.maxFailures).fill({}))
    expect(refusal('acceptMigrationFailures', { failures: value })).toMatch(
      /^The member \/failures\/0 must have/,
    )
    expect(reads()).toBeLessThan(10)
  })
})

test.each(bodies.map(({ id }) => id))('%s reads no member that it does not know', (id) => {
  const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1]))
  const { value, reads } = counted(unknown)
  try {
    checkBody(id, value)
  } catch {
    // Most routes refuse it, and the original's ignore it. Here only the reads count.
  }
  expect(reads()).toBeLessThan(20)
})

const version = { dataKeyId: '00000000-0000-4000-8000-000000000000', version: 1 }

test.each<[RouteId, unknown]>([
  ['createTenant', 1],
  ['createTenant', {}],
  ['createTenant', { id: 5, name: 5 }],
  ['createKeyProvider', { name: 'x'.repeat(300), arn: '' }],
  ['createKeyProvider', { name: 'x', arn: '', keyprovider: 'other' }],
  ['createKeyProvider', { arn: 5 }],
  ['patchKeyProvider', {}],
  ['patchKeyProvider', []],
  ['patchKeyProvider', [1]],
  ['patchKeyProvider', [{ op: 'replace', path: '/name', value: 'x' }, { op: 'add' }]],
  ['acceptMigrationFailures', { failures: [version, { ...version, version: 0 }] }],
  ['acceptMigrationFailures', { failures: [version, { ...version, more: 1 }] }],
  ['encrypt', { items: [] }],
  ['encrypt', { items: 5 }],
  ['encrypt', { items: [1], more: 5 }],
  ['runDrDrill', { region: 'x', more: 1 }],
])('%s names the fault of %j as the library does', (id, body) => {
  const { body: schema } = (routeSchemas as Record<string, RouteSchemas>)[id] ?? {}
  const first = Errors(schema ?? {}, body).find(
    ({ schemaPath }) => !schemaPath.endsWith('/additionalProperties'),
  )
  const place = first?.instancePath === '' ? 'The body' : `The member ${first?.instancePath}`
  expect(refusal(id, body)).toBe(`${place} ${first?.message}.`)
})
