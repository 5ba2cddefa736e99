// The client's code with that of core and contract, as modules that import each other and Node's own modules alone.
import path from 'node:path'
import { rolldown, type Plugin } from 'rolldown'
import * as contract from '../../contract/src/index.ts'
import { entries } from './package-manifest.ts'

/** Answers the files of the package by name. What both entries need is in a file of its own: classes exist once. */
export async function bundleCode(root: string): Promise<Map<string, string>> {
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(
      Object.values(entries).map(({ source, code }) => [path.basename(code, '.js'), source]),
    ),
    platform: 'neutral',
    external: /^node:/,
    transform: { target: 'node22' },
    plugins: [contractAsData(path.join(root, 'contract/src/index.ts'))],
    onLog(_level, log) {
      throw new Error(log.message)
    },
  })
  const { output } = await bundle.generate({ format: 'esm', chunkFileNames: 'shared.js' })
  await bundle.close()
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : ''] as const))
}

/**
 * Of the contract the client uses what is data: paths, methods, limits. The schemas, and TypeBox with them, which is
 * three times as large as all the rest, are for the server. A function of the contract is not there: using one is an
 * error of the bundler.
 */
function contractAsData(file: string): Plugin {
  const data = { ...contract, routes: withoutSchemas(contract.routes) }
  const code = Object.entries(data).flatMap(([name, value]) =>
    typeof value === 'function' || isSchema(value)
      ? []
      : [`export const ${name} = ${JSON.stringify(value, null, 2)}`],
  )
  return { name: 'contract-as-data', load: (id) => (id === file ? code.join('\n') : undefined) }
}

function withoutSchemas(routes: Readonly<Record<string, contract.Route>>): object {
  return Object.fromEntries(
    Object.entries(routes).map(([id, { method, path, roles, summary, replies }]) => {
      const known = Object.entries(replies).map(([status, schema]) => [status, schema === null ? null : {}])
      return [id, { method, path, roles, summary, replies: Object.fromEntries(known) as object }]
    }),
  )
}

// TypeBox marks what it makes.
function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '~kind' in value
}
