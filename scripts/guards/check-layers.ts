// Imports run one way: `rooms.ts` is the rule, and this refuses everything else. It also refuses circles, crowded folders
// and names that say nothing.
import { globSync } from 'node:fs'
import path from 'node:path'
import { readSource, type Import } from './read-source.ts'
import { serverRooms, workspaces, type Room } from './rooms.ts'

const mayImport: Readonly<Record<string, Room>> = { ...workspaces, ...serverRooms }

/** Folders with more files than this are refused: nobody finds anything in them. */
const maxFilesPerFolder = 25

/** The only files that read the environment. */
const environmentReaders = ['server/src/settings/read-settings.ts', 'cli/src/environment.ts']

/** Development programs: they hand the environment on to the processes that they start. */
const developmentOnly = /^(testkit|lab)\//

/** Names that say nothing about what is inside, and therefore attract everything. */
const nameless = /(^|\/)(utils?|helpers?|common|types?|libs?|misc|shared)(\/|\.[a-z]+$)/

/** Checks the source tree under `root` and answers one line for each violation. */
export function checkLayers(root: string): string[] {
  const files = globSync(['*/{src,test}/**/*.{ts,tsx}', 'scripts/**/*.ts'], {
    cwd: root,
    exclude: ['node_modules/**'],
  }).toSorted()
  const problems = files.length === 0 ? ['there are no source files here'] : []
  const graph = new Map<string, string[]>()
  for (const file of files) {
    const { imports, environmentLines } = readSource(path.join(root, file))
    if (nameless.test(file)) problems.push(`${file}: a file is named after what it does (no utils, types …)`)
    if (/^[^/]+\/src\//.test(file) && !developmentOnly.test(file) && !environmentReaders.includes(file)) {
      for (const line of environmentLines)
        problems.push(`${file}:${line}: only ${environmentReaders.join(' and ')} read the environment`)
    }
    for (const each of imports) {
      const problem = refusal(file, each)
      if (problem !== undefined) problems.push(`${file}:${each.line}: ${problem}`)
    }
    graph.set(
      file,
      imports.flatMap(({ specifier }) => (specifier.startsWith('.') ? [resolve(file, specifier)] : [])),
    )
  }
  return [...problems, ...crowdedFolders(files), ...findCycles(graph)]
}

function crowdedFolders(files: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const file of files) {
    const folder = path.posix.dirname(file)
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count > maxFilesPerFolder)
    .map(
      ([folder, count]) =>
        `${folder}: has ${count} files; order it in folders of at most ${maxFilesPerFolder}`,
    )
}

function resolve(file: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(file), specifier)
}

/** The place of a file: `core`, `server/kms`, `server/main.ts`, `cli/test`. */
function placeOf(file: string): string {
  const [workspace = '', folder = '', first = ''] = file.split('/')
  if (folder !== 'src' || workspace === 'scripts') return `${workspace}/${folder}`
  const isRoom =
    workspace === 'server' ||
    (workspace === 'client' && first === 'node') ||
    (workspace === 'contract' && first === 'schemas')
  return isRoom ? `${workspace}/${first}` : workspace
}

function refusal(file: string, { specifier, typeOnly }: Import): string | undefined {
  const place = placeOf(file)
  const target = specifier.startsWith('.')
    ? placeOf(resolve(file, specifier))
    : specifier
        .replace('@keyhold/', '')
        .replace(/^((@[^/]+\/)?[^/]+).*/, (whole, name: string) =>
          /^(core\/|contract\/|client\/|node:)/.test(whole) ? whole : name,
        )
  if (place.endsWith('/test')) return refusalOfTest(place, target, specifier)
  const allowed = mayImport[place]?.uses
  if (allowed === undefined) return `${place} is not in the table of scripts/guards/rooms.ts`
  const isAllowed =
    target === place ||
    specifier.endsWith('/package.json') ||
    allowed.some(
      (each) =>
        each === target ||
        (each === 'core' && target === 'core/errors') ||
        (typeOnly && each === `type ${target}`) ||
        (each === 'node:*' && target.startsWith('node:')) ||
        (each === 'server/*' && /^server(\/[^.]*)?$/.test(target)) ||
        (each === '*' && isPackage(specifier)),
    )
  return isAllowed ? undefined : `imports ${specifier}, but ${place} may import only: ${allowed.join(', ')}`
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith('.') && !specifier.startsWith('@keyhold/')
}

// Tests may use packages freely. Of Keyhold they may use only their own workspace, what that may import, the tests of
// that (what a format refuses the service must refuse as well), the testkit and local-kms.
function refusalOfTest(place: string, target: string, specifier: string): string | undefined {
  const workspace = place.replace('/test', '')
  const own = Object.entries(mayImport).flatMap(([name, room]) => (within(name, workspace) ? room.uses : []))
  const isAllowed =
    isPackage(specifier) ||
    within(target, workspace) ||
    ['local-kms', 'testkit'].includes(target) ||
    own.includes(target.replace(/\/test$/, '')) ||
    (own.includes('server/*') && within(target, 'server'))
  return isAllowed
    ? undefined
    : `imports ${specifier}, but tests use their own workspace, the testkit and local-kms`
}

function within(place: string, workspace: string): boolean {
  return place === workspace || place.startsWith(`${workspace}/`)
}

/** Every file that takes part in a circle of imports, with one such circle. */
function findCycles(graph: ReadonlyMap<string, string[]>): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  function walk(file: string, trail: string[]): void {
    const start = trail.indexOf(file)
    if (start >= 0) cycles.push(`a circle of imports: ${[...trail.slice(start), file].join(' → ')}`)
    if (start >= 0 || done.has(file)) return
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) walk(file, [])
  return cycles
}

if (import.meta.main) {
  const problems = checkLayers(path.join(import.meta.dirname, '../..'))
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
