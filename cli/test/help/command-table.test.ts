// Every command of the table explains itself, and stands in the README.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commandTable } from '../../src/commands/command-table.ts'
import { exitCodes } from '../../src/errors/exit-codes.ts'
import { exitCodeMeanings } from '../../src/help-epilogue.ts'
import type { CommandGroup } from '../../src/table/command-spec.ts'
import { keyhold } from '../run-keyhold.ts'

function pathsIn(commands: CommandGroup['commands'], before: string[] = []): string[][] {
  return commands.flatMap((each) => {
    const path = [...before, each.name]
    return 'commands' in each ? [path, ...pathsIn(each.commands, path)] : [path]
  })
}

const paths = pathsIn(commandTable)
const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8')

test('no name stands for two commands', () => {
  expect(paths.map(String).toSorted()).toEqual([...new Set(paths.map(String))].toSorted())
})

test.each(paths.map((path) => path.join(' ')))('%s --help says what it does', async (path) => {
  const { stdout, stderr, exit } = await keyhold([...path.split(' '), '--help'])
  const [usage = '', about = ''] = stdout.split('\n\n')
  expect(usage).toContain(`Usage: keyhold ${path}`)
  expect(about.replaceAll('\n', ' ')).toMatch(/^[A-Z].*[.…]$/)
  expect(stdout).toContain('--token-file')
  expect([stderr, exit]).toEqual(['', 0])
})

test('the README has a row for every command', () => {
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'))
  const leaves = [
    ...paths.filter(
      (path) =>
        !paths.some((each) => each.length > path.length && path.every((word, at) => each[at] === word)),
    ),
    ['help'],
  ]
  const missing = leaves.filter(([group = '', name, deeper]) => {
    if (group === 'encryption' || deeper !== undefined) return false
    // `tenant ls`, or `ls` in the row of another command of the group.
    return !rows.some(
      (row) =>
        row.includes(`\`${group}`) &&
        (name === undefined || new RegExp(`(\`|\`${group} )${name}[ \`]`).test(row)),
    )
  })
  expect(missing).toEqual([])
})

test('the README and --help have every exit code', async () => {
  const codes = Object.values(exitCodes).map(String)
  const rows = Array.from(readme.matchAll(/^\| +(\d+) \| \w/gm), ([, code]) => code)
  expect(rows).toEqual(codes)
  expect(exitCodeMeanings.map(([code]) => code)).toEqual(codes)
  const { stdout } = await keyhold(['--help'])
  for (const [code, meaning] of exitCodeMeanings) expect(stdout).toContain(`${code}  ${meaning}`)
})
