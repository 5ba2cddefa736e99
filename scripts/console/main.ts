// `npm run console:build`: the console in console/dist, as static files, each beside its compressed form. With
// `--if-missing` it leaves what is there: a start need not build anew.
import { existsSync, globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

const root = path.join(import.meta.dirname, '..', '..', 'console')
const site = path.join(root, 'dist')
const smallestCompressed = 1_024
const brotliQuality = 9
const kibibyte = 1_024

const { values } = parseArgs({ options: { 'if-missing': { type: 'boolean', default: false } } })

async function compress(): Promise<number> {
  let scriptBytes = 0
  for (const place of globSync('assets/**/*.{js,css,svg}', { cwd: site })) {
    const file = path.join(site, place)
    const content = await readFile(file)
    if (place.endsWith('.js')) scriptBytes += gzipSync(content).length
    if (content.length < smallestCompressed) continue
    const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality }
    await writeFile(`${file}.br`, brotliCompressSync(content, { params }))
  }
  return scriptBytes
}

if (!(values['if-missing'] && existsSync(path.join(site, 'index.html')))) {
  await build({ configFile: path.join(root, 'vite.config.ts'), logLevel: 'warn' })
  const bytes = await compress()
  console.error(`the console in ${site}: ${Math.round(bytes / kibibyte)} KiB of scripts in all, by gzip`)
}
