// The client's code with that of core and contract, as modules that import each other and Node's own modules alone.
import path from 'node:path'
import { rolldown } from 'rolldown'
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
    onLog(_level, log) {
      throw new Error(log.message)
    },
  })
  const { output } = await bundle.generate({ format: 'esm', chunkFileNames: 'shared.js' })
  await bundle.close()
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : ''] as const))
}
