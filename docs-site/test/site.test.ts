// How the documents become pages: links that hold in the site, and pages that work under any path.
import { existsSync, globSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sections } from '../src/pages.ts'
import { base, relativePage, relativeScript, relativeStyles } from '../src/relative-base.ts'
import { needsMore, scriptHashes } from '../src/script-hashes.ts'
import { siteSections } from '../src/site-pages.ts'
import { stagePages } from '../src/stage-pages.ts'

const root = path.join(import.meta.dirname, '../..')

test('each document is a page, once, and no two pages have one place', () => {
  const pages = siteSections(root).flatMap((section) => section.pages)
  const sources = pages.map(({ source }) => source)
  const documents = globSync('docs/**/*.md', { cwd: root })
  expect(sources.filter((source) => source.startsWith('docs/')).sort()).toEqual(documents.sort())
  expect(new Set(pages.map(({ place }) => place)).size).toBe(pages.length)
  for (const { source } of sections.flatMap((section) => section.pages))
    expect(existsSync(path.join(root, source)), source).toBe(true)
})

test('links lead to pages where there are any, and are marked as outside where there are none', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-pages-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const pages = siteSections(root).flatMap((section) => section.pages)
  await stagePages(root, pages, folder)
  const targets = []
  for (const { place } of pages) {
    const text = (await readFile(path.join(folder, place), 'utf8')).replace(
      /^( *)(```|~~~)[\s\S]*?^\1\2|`[^`\n]*`/gm,
      '',
    )
    for (const [, target = ''] of text.matchAll(/\]\(<?([^)\s>]+)/g)) targets.push({ place, target })
  }
  expect(targets.length).toBeGreaterThan(200)
  for (const { place, target } of targets) {
    if (/^(?:https?|mailto|outside):|^#/.test(target)) continue
    const [name = ''] = target.split('#')
    expect(existsSync(path.join(folder, path.dirname(place), name)), `${place}: ${target}`).toBe(true)
  }
  const outside = targets.filter(({ target }) => target.startsWith('outside:'))
  expect(outside.some(({ target }) => target.startsWith('outside:server/src/'))).toBe(true)
})

test('scripts find their path where the page is', () => {
  const script =
    `const a="${base}x",b='${base}',c=\`${base}y\${a}${base}\`,d="<a href=\\"${base}z\\">";export{a,b,c,d}`.replace(
      'const a',
      'const Ä="Ä·…𝄞",a',
    )
  const changed = relativeScript(script)
  expect(changed).not.toContain(base)
  const body = changed.replace(/export\{.*\}/, 'return [a, b, c, d]')
  // oxlint-disable-next-line typescript/no-implied-eval
  const run = new Function('window', body) as (window: object) => string[]
  expect(run({ keyholdDocsBase: '/crypto/docs/' })).toEqual([
    '/crypto/docs/x',
    '/crypto/docs/',
    '/crypto/docs/y/crypto/docs/x/crypto/docs/',
    '<a href="/crypto/docs/z">',
  ])
  expect(() => relativeScript(`x(/${base.replaceAll('/', '')}/);/*${base}*/`)).toThrow(
    'outside of its strings',
  )
})

test('pages and styles have relative addresses, by how deep they are', () => {
  expect(relativePage(`<a href="${base}a.html">`, 'index.html')).toBe('<a href="./a.html">')
  expect(relativePage(`<a href="${base}a.html">`, 'decisions/1.html')).toBe('<a href="../a.html">')
  expect(relativeStyles(`url(${base}assets/font.woff2)`, 'assets/style.css')).toBe(
    'url(../assets/font.woff2)',
  )
})

test('scripts in pages are hashed, and what the policy forbids is found', () => {
  expect(scriptHashes('<script src="a.js"></script><script id="x">alert(1)</script>')).toEqual([
    'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=',
  ])
  expect(needsMore('<p class="a">style="b"</p>')).toBe(false)
  expect(needsMore('<p class="a" style="b">')).toBe(true)
  expect(needsMore('<img src="a" onerror="b">')).toBe(true)
})
