// Gives the types of a package those of the wire written out. In the contract they are derived from schemas, by types of
// TypeBox, which whoever installs the package need not have.
import path from 'node:path'
import type { Rolldown } from 'tsdown'
import ts from 'typescript'
import { flattenedTypes } from './flattened-types.ts'

export function wireTypes(root: string): Rolldown.Plugin {
  return {
    name: 'wire-types',
    load: {
      order: 'pre',
      filter: { id: /\/contract\/src\/index\.d\.ts$/ },
      handler: () => writtenOut(root),
    },
  }
}

function writtenOut(root: string): string {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)) as {
    config: unknown
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const contract = path.join(root, 'contract/src/index.ts')
  return flattenedTypes(ts.createProgram([contract], options), contract)
}
