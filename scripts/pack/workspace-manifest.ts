// The manifest of a workspace, and the manifest of the package that is made of it.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { startOf } from './command-start.ts'
import type { Package } from './packages.ts'

/** The lowest Node.js with `node:sqlite`, which locks the server's data directory. */
export const oldestNode = '22.13'
const engines = { node: `>=${oldestNode}.0` }

export interface WorkspaceManifest {
  name: string
  version: string
  license: string
  /** By the path of an import: the source. */
  exports?: Record<string, string>
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

export async function readWorkspaceManifest(root: string, workspace: string): Promise<WorkspaceManifest> {
  return JSON.parse(await readFile(path.join(root, workspace, 'package.json'), 'utf8')) as WorkspaceManifest
}

/** The packages that have to be installed beside this one. Other workspaces are part of it. */
export function npmDependencies({ dependencies = {} }: WorkspaceManifest): Record<string, string> {
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => !name.startsWith('@keyhold/')))
}

/**
 * The text of the package's `package.json`.
 *
 * @param pages - names of man pages, in `man/`
 */
export function packageManifest(
  { description, exports, inBrowsers = {}, commands = {}, more = [] }: Package,
  manifest: WorkspaceManifest,
  pages: readonly string[],
): string {
  const { name, version, license, optionalDependencies } = manifest
  const dependencies = npmDependencies(manifest)
  const packed = {
    ...{ name, version, description, license },
    type: 'module',
    engines,
    sideEffects: false,
    ...(Object.keys(commands).length > 0 && {
      bin: mapValues(commands, (entry) => `dist/${startOf(entry)}`),
    }),
    ...(pages.length > 0 && { man: pages.map((each) => `./man/${each}`) }),
    exports: {
      ...Object.fromEntries(
        Object.entries(exports).map(([at, entry]) => {
          const inBrowser = inBrowsers[at]
          const conditions = {
            types: `./dist/${entry}.d.ts`,
            ...(inBrowser !== undefined && { browser: `./dist/${inBrowser}.js` }),
            default: `./dist/${entry}.js`,
          }
          return [at, conditions]
        }),
      ),
      './package.json': './package.json',
    },
    files: ['dist', ...(pages.length > 0 ? ['man'] : []), ...more],
    ...(Object.keys(dependencies).length > 0 && { dependencies }),
    ...(optionalDependencies !== undefined && { optionalDependencies }),
  }
  return `${JSON.stringify(packed, null, 2)}\n`
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))
}
