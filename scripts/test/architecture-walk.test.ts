// The walk through the code in docs/architecture.md follows the real imports, and visits no file twice.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')

const [, section = ''] = read('docs/architecture.md').split('\n## A walk through the code\n')
const [walkText = ''] = section.split('\n## ')
// A new list begins with number 1.
const walks = walkText
  .split(/^(?=1\. )/m)
  .slice(1)
  .map((text) =>
    text
      .split(/^\d+\. /m)
      .filter((step) => step !== '')
      .map((step) => ({
        file: path.normalize(`docs/${/\]\(([^)]+)\)/.exec(step)?.[1] ?? ''}`),
        isHandedIn: /^\[[^\]]+\]\([^)]+\)\s+\(handed\s+in\b/.test(step),
      })),
  )

test('it has two walks, and no file is visited twice', () => {
  const files = walks.flat().map(({ file }) => file)
  expect(walks.map((steps) => steps.length > 20)).toEqual([true, true])
  expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([])
  expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([])
})

describe.each(walks.map((steps, index) => ({ steps, index })))('walk $index', ({ steps }) => {
  test.each(steps.slice(1))('reaches $file', ({ file, isHandedIn }) => {
    const above = steps.slice(
      0,
      steps.findIndex((step) => step.file === file),
    )
    const isImported = above.some((step) => importsOf(step.file).includes(file))
    expect(isImported).toBe(!isHandedIn)
  })
})

/** The files that a file imports, those of core through its index. */
function importsOf(file: string): string[] {
  return [...read(file).matchAll(/from '([^']+)'/g)].flatMap(([, specifier = '']) => {
    if (specifier === '@keyhold/core') return importsOf('core/src/index.ts')
    return specifier.startsWith('.') ? [path.join(path.dirname(file), specifier)] : []
  })
}
