// Every function that the SDK exports or hands out, with every kind of wrong argument in every place: refused by an error
// that names the place, and never by one of the language's own. A new function without a row fails here.
import { describe, expect, test } from 'vitest'
import { KeyholdClientError, KeyholdError, KeyholdFileError } from '../../src/node/index.ts'
import { makeScene, type Scene } from './scene.ts'
import { variantsOf, type Variant } from './shape.ts'
import { table, type Row } from './table.ts'

// Made of a code and a message, with which nothing can be lost. They have a test of their own.
const plainErrors = ['KeyholdClientError', 'KeyholdFileError', 'KeyholdError']

/** The names of an object's functions. */
function functionNames(object: object): string[] {
  return Object.entries(object).flatMap(([name, member]) => (typeof member === 'function' ? [name] : []))
}

test('every function that can be called has a row, and every row a function', async () => {
  const { objects } = await makeScene()
  const names = Object.entries(objects).flatMap(([objectName, object]) =>
    functionNames(object)
      .filter((name) => !plainErrors.includes(name))
      .map((name) => `${objectName}.${name}`),
  )
  expect(names.toSorted()).toEqual(Object.keys(table).toSorted())
})

/** Whether the functions of an object that the SDK hands out are those of one in the scene. */
function isInScene({ objects }: Scene, made: object): boolean {
  const names = functionNames(made).toSorted().join()
  return (
    names === '' || Object.values(objects).some((each) => functionNames(each).toSorted().join() === names)
  )
}

test('an error is made of whatever is at hand', () => {
  for (const code of ['ERR_A', '', undefined, null, 5]) {
    for (const options of [undefined, null, {}, 5]) {
      expect(new KeyholdClientError(code as never, 'a', options as never)).toMatchObject({ message: 'a' })
      expect(new KeyholdError(code as never, options as never)).toBeInstanceOf(Error)
      expect(new KeyholdFileError(code as never, 'a', options as never)).toBeInstanceOf(Error)
    }
  }
})

interface Outcome {
  /** How it ended: `throws` at once. */
  end: 'throws' | 'rejects' | 'goes well'
  result: unknown
}

async function outcomeOf(scene: Scene, name: string, args: readonly unknown[]): Promise<Outcome> {
  const [objectName = '', functionName = ''] = name.split('.')
  const callee = (scene.objects[objectName] as Record<string, unknown>)[functionName] as new (
    ...args: unknown[]
  ) => object
  let pending: unknown
  try {
    pending = functionName.endsWith('Error') ? new callee(...args) : Reflect.apply(callee, undefined, args)
  } catch (error) {
    return { end: 'throws', result: error }
  }
  try {
    const result = await pending
    // Of many, a wrong one is a result of its own.
    const [first] = (Array.isArray(result) ? result : []) as { error?: unknown }[]
    const refusal = first?.error
    if (isClosable(result)) await result.close()
    return refusal === undefined ? { end: 'goes well', result } : { end: 'rejects', result: refusal }
  } catch (error) {
    return { end: 'rejects', result: error }
  }
}

function isClosable(value: unknown): value is { close: () => Promise<void> } {
  return typeof value === 'object' && value !== null && 'close' in value
}

/** What is not as it should be; undefined where all is. */
function complaintAbout(
  { end, result }: Outcome,
  { isAccepted, path }: Variant<Scene>,
  fails: Row['fails'],
): string | undefined {
  const said = `it ${end}: ${String(result)}`
  const isRefused = result instanceof KeyholdClientError
  if (isAccepted) {
    // It may fail for other reasons, such as a file that is not there, but not by a mistake in the program.
    const isMistake = result instanceof TypeError || result instanceof RangeError || isRefused
    return isMistake ? `accepted, ${said}` : undefined
  }
  if (end !== fails || !isRefused) return said
  // The id of a record is what a function of the caller's makes of it.
  const places = [path, path.replace(/^(.*)\.id$/, 'id($1)')]
  const { member = '', code, message } = result
  if (!places.some((place) => member.startsWith(place))) return `${said}, at ${member}`
  // The command line shows this one as it is.
  const isOfUrl = code === 'ERR_CLIENT_URL_INVALID'
  return isOfUrl || message.startsWith(`"${member}" expected `) ? undefined : said
}

describe.each(Object.keys(table))('%s', (name) => {
  const rows: readonly Row[] = table[name] ?? []

  test('takes what it should', async () => {
    const scene = await makeScene()
    for (const { parameters } of rows) {
      const args = Object.values(parameters).map(({ good }) => good(scene))
      const { end, result } = await outcomeOf(scene, name, args)
      expect(end, String(result)).toBe('goes well')
      if (typeof result === 'object' && result !== null && !(result instanceof Error))
        expect(isInScene(scene, result), 'it makes an object that the scene lacks').toBe(true)
    }
  })

  test('refuses everything else, and says where it is', async () => {
    const scene = await makeScene()
    const complaints: string[] = []
    let count = 0
    for (const { parameters, fails } of rows) {
      const shapes = Object.entries(parameters)
      for (const [index, [parameter, shape]] of shapes.entries()) {
        for (const variant of variantsOf(shape, parameter)) {
          const args = shapes.map(([, { good }]) => good(scene))
          args[index] = variant.make(scene)
          const complaint = complaintAbout(await outcomeOf(scene, name, args), variant, fails)
          if (complaint !== undefined) complaints.push(`${variant.path}, ${variant.what}: ${complaint}`)
          count++
        }
      }
    }
    expect(complaints).toEqual([])
    expect(count).toBeGreaterThanOrEqual(
      rows.some(({ parameters }) => Object.keys(parameters).length > 0) ? 50 : 0,
    )
  })
})
