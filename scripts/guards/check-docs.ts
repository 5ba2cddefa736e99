// Where docs/ says what the code decides, both must be the same: errors, routes, settings, dependencies; and links must lead
// somewhere. With --write the generated tables are made anew.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { checkLinks, markdownFiles } from './check-links.ts'
import { generatedTables, type GeneratedTable } from './generated-tables.ts'

const settingsFile = 'docs/configuration.md'
/** Tests and experiments have settings of their own, which are no part of the product. */
const notShipped = ['scripts/test/**', 'testkit/**', 'lab/**']

const dependenciesFile = 'docs/decisions/0001-runtime-dependencies.md'

/** Checks the documents under `root` against the code, and answers one line for each difference. */
export async function checkDocs(root: string): Promise<string[]> {
  const tables = (await generatedTables()).flatMap((table) => {
    const text = read(root, table.file)
    if (between(text, table) === undefined) return [`${table.file}: the markers of the table are missing`]
    return replaceTable(text, table) === text
      ? []
      : [`${table.file}: the table differs from the code; run: npm run docs:write`]
  })
  return [...tables, ...checkSettings(root), ...checkDependencies(root), ...checkLinks(root)]
}

function read(root: string, file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

function between(text: string, { name }: GeneratedTable): [number, number] | undefined {
  const startMarker = `<!-- table: ${name} -->\n`
  const start = text.indexOf(startMarker)
  const end = text.indexOf('\n<!-- end of table -->', start)
  return start < 0 || end < 0 ? undefined : [start + startMarker.length, end]
}

function replaceTable(text: string, table: GeneratedTable): string {
  const [start, end] = between(text, table) ?? [0, 0]
  return `${text.slice(0, start)}\n${table.markdown}${text.slice(end)}`
}

const settingName = /KEYHOLD_[A-Z0-9_]*[A-Z0-9]/g

function namesIn(texts: string[]): Set<string> {
  return new Set(texts.flatMap((text) => text.match(settingName) ?? []))
}

/** Those of `names` that are not in `set`. */
function notIn(set: ReadonlySet<string>, names: ReadonlySet<string>): string[] {
  return [...names].filter((name) => !set.has(name))
}

/** The settings in the first column of the table below a heading. */
function namesBelow(text: string, heading: string): Set<string> {
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  const [own = ''] = section.split('\n## ')
  return namesIn([...own.matchAll(/^\| `[^|]*/gm)].map(([cell]) => cell))
}

function checkSettings(root: string): string[] {
  const text = read(root, settingsFile)
  const namesInFiles = (...patterns: string[]) =>
    namesIn(globSync(patterns, { cwd: root, exclude: notShipped }).map((file) => read(root, file)))
  const used = namesInFiles('*/src/**/*.ts')
  const known = new Set([
    ...used,
    ...namesIn(
      globSync('{*/test,testkit/src,lab/src}/**/*.ts', { cwd: root, exclude: ['scripts/test/**'] }).map(
        (file) => read(root, file),
      ),
    ),
  ])
  const documents = markdownFiles(root)
  return [
    ...differences(
      settingsFile,
      namesIn([read(root, 'cli/src/environment.ts')]),
      namesBelow(text, 'The command line'),
      'The command line',
    ),
    ...notIn(namesIn([text]), used).map((name) => `${settingsFile}: ${name} is missing`),
    ...documents.flatMap((file) =>
      notIn(known, namesIn([read(root, file)])).map((name) => `${file}: no source uses ${name}`),
    ),
  ]
}

function differences(file: string, expected: Set<string>, actual: Set<string>, place: string): string[] {
  return [
    ...notIn(actual, expected).map((name) => `${file}: ${name} is missing below "${place}"`),
    ...notIn(expected, actual).map((name) => `${file}: ${name} is below "${place}" for no reason`),
  ]
}

interface Manifest {
  workspaces?: string[]
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

function checkDependencies(root: string): string[] {
  const manifest = (folder: string) => JSON.parse(read(root, path.join(folder, 'package.json'))) as Manifest
  const namesOf = ({ dependencies, optionalDependencies }: Manifest) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
  const expected = (manifest('.').workspaces ?? []).flatMap((workspace) =>
    namesOf(manifest(workspace))
      .filter((name) => !name.startsWith('@keyhold/'))
      .map((name) => `${name} of ${workspace}`),
  )
  const documented = [...read(root, dependenciesFile).matchAll(/^\| ([a-z-]+) +\| `([^`]+)` +\|/gm)]
  const actual = documented.map(([, workspace = '', name = '']) => `${name} of ${workspace}`)
  return differences(dependenciesFile, new Set(expected), new Set(actual), 'the table')
}

/** Writes the generated tables into the documents under `root`. */
export async function writeDocs(root: string): Promise<void> {
  for (const table of await generatedTables()) {
    writeFileSync(path.join(root, table.file), replaceTable(read(root, table.file), table))
  }
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, '../..')
  if (process.argv.includes('--write')) await writeDocs(root)
  const problems = await checkDocs(root)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
