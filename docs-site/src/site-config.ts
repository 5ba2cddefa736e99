// The configuration of VitePress.
import path from 'node:path'
import { defineConfig } from 'vitepress'
import { markdownRules, writeCodeStyles } from './markdown-rules.ts'
import { apiReference } from './pages.ts'
import { base } from './relative-base.ts'
import { siteSections } from './site-pages.ts'

const root = path.join(import.meta.dirname, '../..')

/** Where the documents are copied to, below `docs-site`. */
export const stagedFolder = '.staged'

export const siteConfig = defineConfig({
  title: 'Keyhold',
  description: 'Every tenant encrypts with a key that its own organisation holds.',
  lang: 'en',
  base,
  srcDir: stagedFolder,
  outDir: 'dist',
  cacheDir: '.staged/.cache',
  // To switch without transitions it would write a style into the page.
  appearance: { disableTransition: false },
  // In a file of its own, and not in each page.
  metaChunk: true,
  head: [
    ['script', { src: `${base}base.js` }],
    ['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}keyhold.svg` }],
  ],
  markdown: markdownRules,
  buildEnd: ({ outDir }) => writeCodeStyles(outDir),
  vite: {
    esbuild: { tsconfigRaw: {} },
    build: { assetsInlineLimit: 0 },
    publicDir: path.join(root, 'docs-site/public'),
  },
  themeConfig: {
    logo: '/keyhold.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/' },
      { text: 'In production', link: '/production.html' },
      { text: 'API reference', link: `/${apiReference.place}`, target: '_self' },
    ],
    sidebar: siteSections(root).map(({ title, pages }, index) => ({
      text: title,
      collapsed: index > 3,
      items: pages.map(({ title, place }) => ({
        text: title,
        link: `/${place.replace(/^index\.md$/, '').replace(/\.md$/, '.html')}`,
      })),
    })),
    footer: { message: 'Apache License 2.0' },
  },
})
