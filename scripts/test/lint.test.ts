import { execFile } from 'node:child_process'
import { copyFile, symlink } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { tree } from './bad-tree.ts'

const root = path.join(import.meta.dirname, '../..')

interface Finding {
  code: string
  filename: string
}

async function lint(files: Record<string, string>): Promise<Finding[]> {
  const folder = await tree({
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true,
        module: 'nodenext',
        target: 'es2024',
        types: ['node'],
        typeRoots: [path.join(root, 'node_modules/@types')],
        noEmit: true,
      },
      include: ['*/src/**/*.ts', '*/test/**/*.ts'],
    }),
    ...files,
  })
  // Patterns and plugins of the configuration are relative to its folder.
  await copyFile(path.join(root, 'oxlint.config.ts'), path.join(folder, 'oxlint.config.ts'))
  for (const name of ['node_modules', 'scripts'])
    await symlink(path.join(root, name), path.join(folder, name))
  const program = path.join(root, 'node_modules/oxlint/bin/oxlint')
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [program, '-f', 'json', 'core', 'server', 'cli'],
      { cwd: folder },
      (_error, stdout) => {
        resolve(stdout)
      },
    )
  })
  const { diagnostics } = JSON.parse(output) as { diagnostics: Finding[] }
  return diagnostics.map(({ code, filename }) => ({
    code,
    filename: filename,
  }))
}

const clock = 'clock(database-clock)'
const connection = 'connections(pinned-connection)'
const driver = 'import pg from "pg"\n'
const bad: [text: string, file: string, code: string][] = [
  [`${driver}export const a = new pg.Client({})`, 'server/src/a/client.ts', connection],
  [`${driver}export const a = new pg.Pool({ max: 1 })`, 'server/src/a/pool.ts', connection],
  ["import { Pool } from 'pg'\nexport const a = new Pool()", 'server/src/a/named-pool.ts', connection],
  [
    'export async function a() {}\nexport function b() { a() }',
    'core/src/floating.ts',
    'typescript(no-floating-promises)',
  ],
  ['export const a = (b: any) => b.c', 'core/src/any.ts', 'typescript(no-explicit-any)'],
  ["export const a: number = 'b'", 'core/src/type.ts', 'typescript(TS2322)'],
  ['/** @nonsense {a} */\nexport const a = 1', 'core/src/doc.ts', 'tsdoc(syntax)'],
  ['// What it is.\nexport const a = 1', 'core/src/what.ts', 'eslint(no-warning-comments)'],
  [
    "import { createDecipheriv } from 'node:crypto'\nexport const a = createDecipheriv",
    'core/src/decipher.ts',
    'eslint(no-restricted-imports)',
  ],
  ['export const a = () => Date.now()', 'server/src/now.ts', clock],
  ['export const a = () => new Date()', 'server/src/date.ts', clock],
  ["console.log('a')", 'server/src/print.ts', 'eslint(no-console)'],
]
const good: Record<string, string> = {
  'cli/src/print.ts': "console.log('a')",
  'core/src/now.ts': 'export const a = () => Date.now()',
  'server/src/date-of.ts': 'export const a = (ms: number) => new Date(ms)',
  'server/src/store/database-clock.ts': 'export const a = () => Date.now()',
  'core/test/decipher.ts':
    "import { createDecipheriv } from 'node:crypto'\nexport const a = createDecipheriv",
}

test('lint finds each kind of fault where it is one, and only there', async () => {
  const findings = await lint({ ...Object.fromEntries(bad.map(([text, file]) => [file, text])), ...good })
  for (const [, file, code] of bad) expect(findings).toContainEqual({ code, filename: file })
  expect(findings.filter(({ filename }) => filename in good)).toEqual([])
})
