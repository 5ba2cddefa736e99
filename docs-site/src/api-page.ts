// The reference of the API: Scalar's bundle from npm, and a page that opens it for the description that the server serves.
import scalar from '@scalar/fastify-api-reference'
import Fastify from 'fastify'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { apiReference } from './pages.ts'

const folder = path.join(import.meta.dirname, '../api')

/** Writes the page and its scripts into the built site. */
export async function writeApiPage(site: string): Promise<void> {
  const bundle = await readBundle()
  const opener = await readFile(path.join(folder, 'open-reference.js'))
  const before = await readFile(path.join(folder, 'without-eval.js'))
  const page = await readFile(path.join(folder, apiReference.place), 'utf8')
  const places = {
    BEFORE: hashedName('without-eval', before),
    SCALAR: hashedName('scalar', bundle),
    OPENER: hashedName('open-reference', opener),
  }
  await writeFile(path.join(site, places.BEFORE), before)
  await writeFile(path.join(site, places.SCALAR), bundle)
  await writeFile(path.join(site, places.OPENER), opener)
  const filled = page.replaceAll(/\{([A-Z]+)\}/g, (_, name: keyof typeof places) => places[name])
  await writeFile(path.join(site, apiReference.place), filled)
}

function hashedName(name: string, content: Buffer): string {
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 12)
  return `assets/${name}.${hash}.js`
}

/** The package has no file with the bundle: it serves it. */
async function readBundle(): Promise<Buffer> {
  const app = Fastify()
  await app.register(scalar, { routePrefix: '/scalar', configuration: { content: '{}' } })
  const { statusCode, rawPayload } = await app.inject('/scalar/js/scalar.js')
  await app.close()
  if (statusCode !== 200) throw new Error(`the bundle of Scalar is answered with ${statusCode}`)
  return rawPayload
}
