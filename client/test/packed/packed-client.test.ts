// The package that `npm run pack` makes, installed alone: its files, its types, and its work in Node and in a browser
// against a real server. It also runs in the Node 22 that OLDEST_NODE names; `npm install node@22` in a folder of its
// own brings one.
import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startRealServer, type RealServer, type RealTenant } from '../real-server/start-real-server.ts'
import { installPackedClient, type PackedClient } from './install-packed-client.ts'
import { servePage } from './serve-page.ts'
import { typeProblems } from './type-problems.ts'

const consumers = join(import.meta.dirname, 'consumer')
const browser = '/usr/bin/chromium'
const oldestNode = process.env.OLDEST_NODE

let folder: string
let client: PackedClient
let server: RealServer
let tenant: RealTenant
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-packed-'))
  ;[client, server] = await Promise.all([installPackedClient(folder), startRealServer()])
  tenant = await server.createTenantWithOwnKey()
  // Packing runs a compiler: six seconds of a core that other tests may want as well.
}, 180_000)
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** The specifiers that a file of the package imports. */
function importsOf(file: string): string[] {
  const text = ts.sys.readFile(join(client.folder, file)) ?? ''
  const { importedFiles, typeReferenceDirectives, referencedFiles } = ts.preProcessFile(text)
  return [...importedFiles, ...typeReferenceDirectives, ...referencedFiles].map(({ fileName }) => fileName)
}

/** A file, the files that it imports, the files that those import, and so on. */
function reachableFrom(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const specifier of importsOf(file)) {
    if (!specifier.startsWith('.')) continue
    const target = join(dirname(file), specifier)
    reachableFrom(file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target, seen)
  }
  return seen
}

/** Every module outside the package that a file needs. */
function outsideOf(file: string): Set<string> {
  const specifiers = [...reachableFrom(file)].flatMap((each) => importsOf(each))
  return new Set(specifiers.filter((specifier) => !specifier.startsWith('.')))
}

const modulesOfNode = new Set(builtinModules.map((name) => `node:${name}`))

describe('the package', () => {
  test('needs no other package, and says what it needs', async () => {
    expect(client.installed).toEqual(['@keyhold'])
    const text = await readFile(join(client.folder, 'package.json'), 'utf8')
    const manifest = JSON.parse(text) as Record<string, unknown>
    expect(Object.keys(manifest)).not.toContain('private')
    expect(Object.keys(manifest).filter((name) => /dependencies$/i.test(name))).toEqual([])
    expect(manifest).toMatchObject({
      name: '@keyhold/client',
      license: 'Apache-2.0',
      type: 'module',
      engines: { node: '>=22.13.0' },
    })
    expect(await readFile(join(client.folder, 'LICENSE'), 'utf8')).toContain('Apache License')
  })

  test('has an API client that needs nothing of Node, and otherwise needs Node alone', () => {
    for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/node-in-browser.js'])
      expect([...outsideOf(file)]).toEqual([])
    for (const file of ['dist/node.js', 'dist/node.d.ts'])
      expect([...outsideOf(file)].filter((name) => !modulesOfNode.has(name))).toEqual([])
    expect([...outsideOf('dist/node.js')]).toContain('node:crypto')
  })

  test('has only files that are used, and all that its README links to', async () => {
    const files = globSync('**/*', { cwd: client.folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(client.folder, join(entry.parentPath, entry.name)))
    const names = ['index.js', 'node.js', 'node-in-browser.js', 'index.d.ts', 'node.d.ts']
    const used = new Set(names.flatMap((name) => [...reachableFrom(`dist/${name}`)]))
    const readme = await readFile(join(client.folder, 'README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = '']) => target)
    const linked = links.filter((target) => !/^https?:/.test(target))
    const isMapOfUsed = (file: string) => used.has(file.replace(/\.map$/, ''))
    expect(files.filter((file) => !file.endsWith('.map') || !isMapOfUsed(file)).toSorted()).toEqual(
      [...used, ...['package.json', 'README.md', 'LICENSE'], ...linked].toSorted(),
    )
  })
})

describe('its types', () => {
  const nodeNext = {
    resolution: 'nodenext',
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  }
  const bundler = {
    resolution: 'bundler',
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }
  // Each takes a second of a compiler: the second way to find modules is for `npm run check:slow`.
  const resolutions = process.env.SLOW === '1' ? [nodeNext, bundler] : [nodeNext]
  const programs = [
    { program: 'in-node.ts', lib: ['lib.es2022.d.ts'], types: ['node'] },
    { program: 'calls.ts', lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] },
    {
      program: 'in-browser.ts',
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      types: [],
    },
  ]

  test.each(resolutions.flatMap((each) => programs.map((program) => ({ ...each, ...program }))))(
    'are whole for $program with $resolution',
    async ({ program, lib, types, module, moduleResolution }) => {
      const file = join(client.application, program)
      await copyFile(join(consumers, program), file)
      expect(typeProblems(file, { lib, types, module, moduleResolution })).toEqual([])
    },
  )
})

describe('what it does', () => {
  /** A program of the application, as JavaScript. */
  async function javascript(program: string): Promise<string> {
    const text = await readFile(join(consumers, program), 'utf8')
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
    return ts.transpileModule(text, { compilerOptions }).outputText
  }

  async function outcomeUnder(node: string): Promise<unknown> {
    const program = join(client.application, 'in-node.js')
    await writeFile(program, await javascript('in-node.ts'))
    const args = [program, server.url, tenant.serviceToken, folder]
    const { stdout, stderr } = await promisify(execFile)(node, args, { timeout: 30_000 })
    return { ...(JSON.parse(stdout) as object), stderr }
  }

  const outcome = {
    tokens: ['kh1.', 'kh1.'],
    values: ['by the server', 'here', 'here'],
    wrongContext: 'ERR_DECRYPTION_FAILED',
    file: true,
    sizes: [true, 100_000],
    range: 'iece of text, a ',
    stream: true,
    field: '1970-01-01T00:00:00.000Z',
    index: 22,
    unknown: '401 ERR_UNAUTHENTICATED',
    oneClass: true,
    stderr: '',
  }

  test('in this Node: values, files, ranges, streams, fields', async () => {
    expect(await outcomeUnder(process.execPath)).toEqual({ ...outcome, version: process.versions.node })
  })

  test('the same in Node 22', async ({ skip }) => {
    if (oldestNode === undefined) return skip('OLDEST_NODE does not name a Node 22')
    const version = expect.stringMatching(/^22\./) as unknown
    expect(await outcomeUnder(oldestNode)).toEqual({ ...outcome, version })
  })

  test('in Chromium: values, fields and calls, through the API client', async ({ skip }) => {
    if (!existsSync(browser)) return skip(`there is no ${browser}`)
    const url = await servePage(server.url, client.folder, await javascript('in-browser.ts'))
    const running = await chromium.launch({
      executablePath: browser,
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
        ...['--disable-background-networking', '--disable-component-update'],
      ],
    })
    onTestFinished(() => running.close())
    const page = await running.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(url)
    const call = `import('/program.js').then(({ run }) => run(...${JSON.stringify([url, tenant.serviceToken, tenant.adminToken])}))`
    expect(await page.evaluate(call)).toEqual({
      token: 'kh1.',
      text: '078-05-1120 ✓',
      wrong: 'ERR_DECRYPTION_FAILED',
      age: 41,
      providers: [200, 2],
      refused: '403 ERR_FORBIDDEN',
    })
    expect(complaints).toEqual([])
  })
})
