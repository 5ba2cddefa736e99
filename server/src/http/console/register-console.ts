// The console under /console: static files, open to all, as they hold nothing of anybody. What they show comes from the API.
// A page of it can neither load anything from elsewhere nor send anything there, whatever is in it.
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import type { ConsoleFolder } from './console-folder.ts'
import { registerMissing } from '../docs/register-missing.ts'

const prefix = '/console/'
const hashedFiles = 'assets/'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), clipboard-write=(self)',
}

/** @param site - undefined: there is none, and the answer says what to install */
export function registerConsole(app: FastifyInstance, site: ConsoleFolder | undefined): void {
  if (site === undefined) {
    registerMissing(app, '/console', {
      code: 'ERR_CONSOLE_NOT_INSTALLED',
      message:
        'Install the package @keyhold/console beside the server ("npm run console:build" makes it in the repository), or name its folder "dist" in KEYHOLD_CONSOLE_DIR, and start again.',
    })
    return
  }
  // Relative, so that it is right behind a proxy that has a path of its own before this one.
  app.route({
    method: ['GET', 'HEAD'],
    url: '/console',
    handler: (_request, reply) => reply.redirect('console/', 302),
  })
  app.register(async (pages) => {
    pages.addHook('onSend', (request, reply, _payload, done) => {
      const isHashed = request.url.startsWith(prefix + hashedFiles) && reply.statusCode === 200
      void reply.headers({
        ...headers,
        'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      })
      done()
    })
    await pages.register(fastifyStatic, {
      root: `${site.folder}/${hashedFiles}`,
      prefix: prefix + hashedFiles,
      index: false,
      redirect: false,
      decorateReply: false,
      preCompressed: true,
      dotfiles: 'ignore',
      // All files of a package have one time, and their names change with their content.
      etag: false,
      lastModified: false,
      cacheControl: false,
    })
    pages.route({
      method: ['GET', 'HEAD'],
      url: `${prefix}*`,
      handler(request, reply) {
        const [below = ''] = request.url.slice(prefix.length).split(/[?#]/, 1)
        return reply.type('text/html; charset=utf-8').send(site.pageAt(below.split('/').length - 1))
      },
    })
  })
}
