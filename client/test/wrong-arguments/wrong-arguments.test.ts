// Calls every function that the SDK exports or hands out with every kind of wrong argument in every place. Each time
// the SDK must refuse with an error that names the place, never with a bare TypeError or RangeError. A new function
// without a row fails here.
import { describe, expect, test } from 'vitest'
import { KeyholdClientError, KeyholdError, KeyholdFileError } from '../../src/node/index.ts'
import { makeScene, type Scene } from './scene.ts'
import { variantsOf, type Variant } from './shape.ts'
import { table, type Row } from './table.ts'

// They take a code and a message, with which nothing can be lost, and have a test of their own.
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

test('an error can be made from anything', () => {
  for (const code of ['ERR_A', '', undefined, null, 5]) {
    for (const options of [undefined, null, {}, 5]) {
      expect(new KeyholdClientError(code as never, 'a', options as never)).toMatchObject({ message: 'a' })
      expect(new KeyholdError(code as never, options as never)).toBeInstanceOf(Error)
      expect(new KeyholdFileError(code as never, 'a', options as never)).toBeInstanceOf(Error)
    }
  }
})

interface Outcome {
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
    // Among many items, a wrong one is an error in its own result.
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

/** Says what is wrong with an outcome; undefined where it is right. */
function complaintAbout(
  { end, result }: Outcome,
  { isAccepted, path }: Variant<Scene>,
  fails: Row['fails'],
): string | undefined {
  const said = `it ${end}: ${String(result)}`
  const isRefused = result instanceof KeyholdClientError
  if (isAccepted) {
    // It may fail for other reasons, such as a file that is missing, but not by a mistake in the program.
    const isMistake = result instanceof TypeError || result instanceof RangeError || isRefused
    return isMistake ? `accepted, ${said}` : undefined
  }
  if (end !== fails || !isRefused) return said
  // A function of the caller's reads the id of a record.
  const places = [path, path.replace(/^(.*)\.id$/, 'id($1)')]
  const { member = '', code, message } = result
  if (!places.some((place) => member.startsWith(place))) return `${said}, at ${member}`
  // The command line shows these messages as they are.
  const isOfUrl = code === 'ERR_CLIENT_URL_INVALID'
  return isOfUrl || message.startsWith(`"${member}" expected `) ? undefined : said
}

describe.each(Object.keys(table))('%s', (name) => {
  const rows: readonly Row[] = table[name] ?? []

  test('accepts right arguments', async () => {
    const scene = await makeScene()
    for (const { parameters } of rows) {
      const args = Object.values(parameters).map(({ good }) => good(scene))
      const { end, result } = await outcomeOf(scene, name, args)
      expect(end, String(result)).toBe('goes well')
      if (typeof result === 'object' && result !== null && !(result instanceof Error))
        expect(isInScene(scene, result), 'it makes an object that the scene lacks').toBe(true)
    }
  })

  test('refuses wrong ones, and names them', async () => {
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
