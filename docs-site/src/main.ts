// `npm run docs:build`: the site in docs-site/dist, from the documents of the repository.
import { globSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { build } from 'vitepress'
import { writeApiPage } from './api-page.ts'
import { relativePage, relativeScript, relativeStyles } from './relative-base.ts'
import { needsMore, scriptHashes } from './script-hashes.ts'
import { stagedFolder } from './site-config.ts'
import { siteSections } from './site-pages.ts'
import { stagePages } from './stage-pages.ts'

const root = path.join(import.meta.dirname, '../..')
const here = path.join(root, 'docs-site')
const site = path.join(here, 'dist')
const staged = path.join(here, stagedFolder)
const smallestCompressed = 1_024
const brotliQuality = 9
/** VitePress's own: the first is set by a script when the page is open, the other one is in keyhold.css. */
const ownStyles = / style="(?:--vp-vh:0px|position:relative);"/g

async function change(pattern: string, by: (text: string, place: string) => string): Promise<void> {
  for (const place of globSync(pattern, { cwd: site })) {
    const file = path.join(site, place)
    await writeFile(file, by(await readFile(file, 'utf8'), place))
  }
}

async function compress(): Promise<void> {
  for (const place of globSync('**/*.{js,css,html,svg,json}', { cwd: site })) {
    const content = await readFile(path.join(site, place))
    if (content.length < smallestCompressed) continue
    const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality }
    await writeFile(path.join(site, `${place}.br`), brotliCompressSync(content, { params }))
  }
}

await rm(staged, { recursive: true, force: true })
const pages = siteSections(root).flatMap((section) => section.pages)
try {
  await stagePages(root, pages, staged)
  await build(here)
} finally {
  await rm(staged, { recursive: true, force: true })
}

const hashes = new Set<string>()
await change('**/*.js', relativeScript)
await change('assets/*.css', relativeStyles)
await change('**/*.html', (html, place) => {
  const page = relativePage(html, place).replaceAll(ownStyles, '')
  if (needsMore(page)) throw new Error(`${place} has a style or a script in an attribute`)
  for (const hash of scriptHashes(page)) hashes.add(hash)
  return page
})
await rm(path.join(site, '404.html'))
await writeApiPage(site)
await compress()
await writeFile(
  path.join(site, 'site.json'),
  `${JSON.stringify({ format: 1, scriptHashes: [...hashes].sort() })}\n`,
)
console.log(`${pages.length} pages in ${site}`)
