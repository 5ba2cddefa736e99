// The manifest of the packed client. There is nothing to install beside it, so it names no dependencies.
import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** The entry points of the package: where each one's source is, its code and its types. */
export const entries = {
  '.': { source: 'client/src/index.ts', code: 'index.js', types: 'types/index.d.ts' },
  './node': { source: 'client/src/node/index.ts', code: 'node.js', types: 'types/node/index.d.ts' },
} as const

export async function packageManifest(root: string): Promise<string> {
  const text = await readFile(path.join(root, 'client/package.json'), 'utf8')
  const { name, version, license } = JSON.parse(text) as { name: string; version: string; license: string }
  const manifest = {
    name,
    version,
    description: 'Client of Keyhold: tenant encryption under keys that tenants hold themselves.',
    license,
    type: 'module',
    engines: { node: '>=22' },
    sideEffects: false,
    exports: {
      ...Object.fromEntries(
        Object.entries(entries).map(([entry, { code, types }]) => [
          entry,
          { types: `./${types}`, default: `./${code}` },
        ]),
      ),
      './package.json': './package.json',
    },
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}
