// The documentation under /docs, open to all as in the repository. A page of it can neither load anything from elsewhere nor send
// anything there, whatever is in it.
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { readdirSync } from 'node:fs'
import type { DocsFolder } from './docs-folder.ts'
import { registerMissing } from './register-missing.ts'

const prefix = '/docs/'
// The reference of the API writes styles into the page while it runs, and shows one image that it has in itself.
const apiPages = new Set(['api', 'api.html'])
const hashedFiles = 'assets/'

/** @param docs - undefined: there is none, and the answer says what to install */
export function registerDocs(app: FastifyInstance, docs: DocsFolder | undefined): void {
  if (docs === undefined) {
    registerMissing(app, '/docs', {
      code: 'ERR_DOCS_NOT_INSTALLED',
      message:
        'Install the package @keyhold/docs beside the server ("npm run docs:pack" in the repository makes it), or name its folder "dist" in KEYHOLD_DOCS_DIR, and start again. The folder docs/ of the repository has the same pages.',
    })
    return
  }
  const { folder, scriptHashes } = docs
  // Relative, so that it is right behind a proxy that has a path of its own before this one.
  app.route({
    method: ['GET', 'HEAD'],
    url: '/docs',
    handler: (_request, reply) => reply.redirect('docs/', 302),
  })
  for (const page of pageNames(folder)) {
    app.route({
      method: ['GET', 'HEAD'],
      url: `${prefix}${page}/`,
      handler: (_request, reply) => reply.redirect(`../${page}`, 302),
    })
  }
  app.register(async (pages) => {
    pages.addHook('onRequest', (request, reply, done) => {
      const [name = ''] = request.url.slice(prefix.length).split(/[?#]/, 1)
      void reply.headers({
        'content-security-policy': apiPages.has(name) ? apiPolicy : pagePolicy(scriptHashes),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'x-frame-options': 'DENY',
      })
      done()
    })
    pages.addHook('onSend', (request, reply, _payload, done) => {
      const isHashed = request.url.startsWith(prefix + hashedFiles) && reply.statusCode === 200
      void reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      done()
    })
    await pages.register(fastifyStatic, {
      root: folder,
      prefix,
      index: ['index.html'],
      extensions: ['html'],
      // Its own redirect names a path of this server, not of the proxy.
      redirect: false,
      decorateReply: false,
      preCompressed: true,
      dotfiles: 'ignore',
      // All files of a package have one time, and files of two versions may have one size: both would tell a change from none.
      etag: false,
      lastModified: false,
      cacheControl: false,
    })
  })
}

/** The pages, but for the first. People write a slash behind their names, and links of a page would lead elsewhere from there. */
function pageNames(folder: string): string[] {
  const pages = readdirSync(folder).filter((name) => /^[a-z0-9-]+\.html$/.test(name) && name !== 'index.html')
  return pages.map((name) => name.slice(0, -'.html'.length))
}

const policy = (sources: Readonly<Record<string, string>>) =>
  Object.entries({
    'default-src': "'none'",
    ...sources,
    'connect-src': "'self'",
    'font-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  })
    .map(([directive, allowed]) => `${directive} ${allowed}`)
    .join('; ')

const apiPolicy = policy({
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
})

function pagePolicy(scriptHashes: readonly string[]): string {
  return policy({
    'script-src': ["'self'", ...scriptHashes].join(' '),
    'style-src': "'self'",
    // Icons are in the styles.
    'img-src': "'self' data:",
  })
}
