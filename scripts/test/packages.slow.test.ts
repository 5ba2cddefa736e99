// The packages from the registry's newest dependencies, in the oldest and in the newest Node.js, with the embedded
// PostgreSQL; and what tools say about their form.
import { execFile } from 'node:child_process'
import { globSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installPackages, packPackages } from '../../testkit/src/packages/install-packages.ts'
import { useInstalledPackages } from '../../testkit/src/packages/use-installed-packages.ts'

const run = promisify(execFile)

let folder: string
let installed: string
let tarballs: string[]
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-packages-'))
  installed = path.join(folder, 'installed')
  tarballs = await packPackages(path.join(folder, 'tarballs'))
  await installPackages(tarballs, installed)
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A Node.js from npm, or the one that a variable names. */
async function nodeOf(version: string, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const prefix = path.join(folder, `node-${version}`)
  await mkdir(prefix)
  await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', `node@${version}`])
  return path.join(prefix, 'node_modules/node/bin/node')
}

test.each([
  { version: '22.13.0', named: process.env.OLDEST_NODE },
  { version: '26', named: process.env.NEWEST_NODE },
])(
  'in Node.js $version everything works, on the embedded PostgreSQL',
  async ({ version, named }) => {
    const node = await nodeOf(version, named)
    expect((await run(node, ['--version'])).stdout).toMatch(`v${version.slice(0, 2)}.`)
    expect(await useInstalledPackages({ folder: installed, node })).toEqual({
      migration: 'Completed',
      copied: 1,
      short: 'before',
      longBytes: 100_000,
    })
  },
  240_000,
)

test.each(['server', 'cli', 'client', 'local-kms'])(
  'publint has nothing to say about @keyhold/%s',
  async (name) => {
    const pkgDir = path.join(installed, 'node_modules/@keyhold', name)
    const { messages, pkg } = await publint({ pkgDir, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg as Record<string, unknown>))).toEqual([])
  },
)

// `keyhold` has nothing to import.
test.each(['server', 'client', 'local-kms'])('the types of @keyhold/%s are found', async (name) => {
  const tarball = tarballs.find((file) => file.includes(`keyhold-${name}-`)) ?? ''
  const attw = fileURLToPath(
    new URL('dist/index.js', import.meta.resolve('@arethetypeswrong/cli/package.json')),
  )
  const { stdout } = await run(process.execPath, [
    attw,
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
  ])
  expect(stdout).toContain('node16 (from ESM): 🟢 (ESM)')
})

test('the packages have what they promise, and nothing else', () => {
  const scope = path.join(installed, 'node_modules/@keyhold')
  const files = globSync('*/**', { cwd: scope }).filter((file) => statSync(path.join(scope, file)).isFile())
  // Chunks have the hash of their content in their names. A module that only passes on others has no map.
  const isChunk = (file: string) => /-[\w-]{8}\.(js|d\.ts)(\.map)?$/.test(file)
  const isMap = (file: string) => file.endsWith('.js.map') && files.includes(file.slice(0, -'.map'.length))
  expect(files.filter((file) => !isChunk(file) && !isMap(file)).toSorted()).toEqual(
    [
      ...['cli', 'client', 'local-kms', 'server'].flatMap((name) =>
        ['LICENSE', 'README.md', 'package.json'].map((file) => `${name}/${file}`),
      ),
      ...['body-thread', 'command', 'index', 'replica-process', 'rewrap-thread'].map(
        (name) => `server/dist/${name}.js`,
      ),
      ...['block-thread', 'keyhold'].map((name) => `cli/dist/${name}.js`),
      ...[
        ...[
          '',
          '-api-key',
          '-audit',
          '-context',
          '-data-key',
          '-destruction',
          '-dr',
          '-encryption',
          '-keyprovider',
        ],
        ...['-lease-key', '-migration', '-settings', '-tenant', '-tenant-key', '-usage'],
      ].map((group) => `cli/man/keyhold${group}.1`),
      'server/man/keyhold-server.1',
      ...['server/dist/start-command', 'cli/dist/start-keyhold', 'local-kms/dist/start-local-kms'].map(
        (start) => `${start}.js`,
      ),
      ...['block-thread', 'index', 'node', 'node-in-browser'].map((name) => `client/dist/${name}.js`),
      ...['drizzle', 'kysely'].map((name) => `client/examples/${name}.ts`),
      ...['index', 'local-kms'].map((name) => `local-kms/dist/${name}.js`),
      ...['server/dist/index', 'client/dist/index', 'client/dist/node', 'local-kms/dist/index'].map(
        (name) => `${name}.d.ts`,
      ),
    ].toSorted(),
  )
  const types = files.filter((file) => file.endsWith('.d.ts'))
  const text = types.map((file) => readFileSync(path.join(scope, file), 'utf8')).join('')
  expect(text).not.toMatch(/migration\.(start|copy|verify|cutover)\.(before|after)/)
  for (const name of ['server/dist/command.js', 'cli/dist/keyhold.js', 'local-kms/dist/local-kms.js']) {
    expect(statSync(path.join(scope, name)).mode & 0o111).toBe(0o111)
    const map = JSON.parse(readFileSync(path.join(scope, `${name}.map`), 'utf8')) as {
      sourcesContent: unknown[]
    }
    expect(map.sourcesContent.length).toBeGreaterThan(0)
  }
})
