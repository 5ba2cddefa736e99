// Makes a request that fails smaller, for as long as it fails in the same way: people look for what it has, not for what is left.
import type { Asked, Body } from './asked.ts'

const mostTries = 200

/** @param fails - sends the request, and answers whether the same is wrong */
export async function simplify(asked: Asked, fails: (smaller: Asked) => Promise<boolean>): Promise<Asked> {
  let smallest = asked
  let left = mostTries
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false
    for (const candidate of smallerOnes(smallest)) {
      if (left-- === 0) return smallest
      if (!(await fails(candidate))) continue
      smallest = candidate
      isSmaller = true
      break
    }
  }
  return smallest
}

function* smallerOnes(asked: Asked): Generator<Asked> {
  if (asked.tenant !== undefined) yield { ...asked, tenant: undefined }
  if (asked.query.length > 0) yield { ...asked, query: [] }
  for (const name of Object.keys(asked.headers)) {
    yield {
      ...asked,
      headers: Object.fromEntries(Object.entries(asked.headers).filter(([each]) => each !== name)),
    }
  }
  for (const at of asked.query.keys()) yield { ...asked, query: asked.query.toSpliced(at, 1) }
  if (asked.body.kind !== 'none') yield { ...asked, body: { kind: 'none' } }
  for (const body of smallerBodies(asked.body)) yield { ...asked, body }
}

function* smallerBodies(body: Body): Generator<Body> {
  if (body.kind !== 'json') return
  for (const value of smallerValues(body.value)) yield { kind: 'json', value }
}

/** Each with one member or one item less, at any depth. */
function* smallerValues(value: unknown): Generator {
  if (Array.isArray(value)) {
    const items = value as unknown[]
    for (const at of items.keys()) yield items.toSpliced(at, 1)
    for (const [at, item] of items.entries())
      for (const smaller of smallerValues(item)) yield items.with(at, smaller)
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
    for (const at of members.keys()) yield Object.fromEntries(members.toSpliced(at, 1))
    for (const [at, [name, member]] of members.entries()) {
      for (const smaller of smallerValues(member)) yield Object.fromEntries(members.with(at, [name, smaller]))
    }
  }
}
