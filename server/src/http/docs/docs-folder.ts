// The folder of the built documentation. Its `site.json` says which scripts its pages have in them.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import Type from 'typebox'
import { Compile } from 'typebox/compile'

export interface DocsFolder {
  folder: string
  /** Sources of scripts in a Content-Security-Policy, as `'sha256-…'`. */
  scriptHashes: readonly string[]
}

/** Everything that the server believes of the folder. A hash of another form could say anything in a header. */
const siteForm = Compile(
  Type.Object({
    format: Type.Literal(1),
    scriptHashes: Type.Array(Type.String({ pattern: '^sha256-[A-Za-z0-9+/]{43}=$' }), { maxItems: 100 }),
  }),
)

/** @throws Error if it is none: `site.json` is missing, or is something else */
export function readDocsFolder(folder: string): DocsFolder {
  const site: unknown = JSON.parse(readFileSync(path.join(folder, 'site.json'), 'utf8'))
  if (!siteForm.Check(site)) throw new Error('site.json has another form')
  return { folder: path.resolve(folder), scriptHashes: site.scriptHashes.map((hash) => `'${hash}'`) }
}
