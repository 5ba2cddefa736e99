// The console under /console: one page for every path below it and nowhere else, under a policy that lets it load nothing from
// elsewhere.
import Fastify, { type FastifyInstance } from 'fastify'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConsoleFolder } from '../../src/http/console/console-folder.ts'
import { registerConsole } from '../../src/http/console/register-console.ts'
import { readSettings } from '../../src/settings/read-settings.ts'
import { findConsole } from '../../src/wiring/sites/find-console.ts'

const page = '<link href="./assets/a.css"><script type="module" src="./assets/a.js"></script>'
let folder: string
let app: FastifyInstance
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-console-'))
  await mkdir(path.join(folder, 'assets'))
  await writeFile(path.join(folder, 'index.html'), page)
  await writeFile(path.join(folder, 'assets/a.js'), 'plain()')
  await writeFile(path.join(folder, 'assets/a.js.br'), 'compressed')
  await writeFile(path.join(folder, 'secret.txt'), 'secret')
  app = Fastify({ exposeHeadRoutes: false })
  registerConsole(app, readConsoleFolder(folder))
})
afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true })
})

const get = (url: string, headers = {}) => app.inject({ method: 'GET', url, headers })

test.each([
  ['/console/', './'],
  ['/console/keys', './'],
  ['/console/keys/', '../'],
  ['/console/keys/abc', '../'],
  ['/console/keys/abc?x=/y/z#/a/b', '../'],
  ['/console/a/b/c/d', '../../../'],
])('the page at %s finds its files below %s', async (url, base) => {
  const { statusCode, body, headers } = await get(url)
  expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  expect(body).toBe(page.replaceAll('./', base))
  expect(new URL(/src="([^"]+)"/.exec(body)?.[1] ?? '', `http://x/prefix${url}`).pathname).toBe(
    '/prefix/console/assets/a.js',
  )
})

test('every answer carries the policy, and the hashed files alone are kept for long', async () => {
  for (const url of ['/console/', '/console/lock', '/console/assets/a.js', '/console/assets/none.js']) {
    const { headers } = await get(url)
    const policy = String(headers['content-security-policy'])
    expect(policy).toMatch(/^default-src 'none'; /)
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("style-src 'self';")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toMatch(/unsafe|data:|https?:|\*/)
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' })
    expect(headers['cache-control']).toBe(
      url === '/console/assets/a.js' ? 'public, max-age=31536000, immutable' : 'no-cache',
    )
  }
})

test('a file comes compressed, a missing one is none, and nothing beside the files is served', async () => {
  const compressed = await get('/console/assets/a.js', { 'accept-encoding': 'br' })
  expect([compressed.body, compressed.headers['content-encoding']]).toEqual(['compressed', 'br'])
  expect((await get('/console/assets/a.js')).body).toBe('plain()')
  expect((await get('/console/assets/none.js')).statusCode).toBe(404)
  for (const url of [
    '/console/secret.txt',
    '/console/assets/../secret.txt',
    '/console/assets/%2e%2e/secret.txt',
  ])
    expect((await get(url)).body).not.toContain('secret')
  for (const url of ['/consol', '/', '/consoles/x']) expect((await get(url)).statusCode).toBe(404)
  const away = await get('/console')
  expect([away.statusCode, away.headers.location]).toEqual([302, 'console/'])
})

test('a folder that is none ends the start, and a server without a console says what to install', async () => {
  const find = (consoleDir: string) =>
    findConsole(readSettings({ KEYHOLD_DATA_DIR: folder, KEYHOLD_CONSOLE_DIR: consoleDir }), {
      warn: () => undefined,
    })
  expect(find(folder)?.folder).toBe(folder)
  await writeFile(path.join(folder, 'assets/index.html'), '<h1>another site</h1>')
  for (const wrong of [path.join(folder, 'none'), path.join(folder, 'assets')])
    expect(() => find(wrong)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))

  const without = Fastify({ exposeHeadRoutes: false })
  const thrown: unknown[] = []
  without.setErrorHandler((error, _request, reply) => {
    thrown.push(error)
    return reply.code(404).send()
  })
  registerConsole(without, undefined)
  for (const url of ['/console', '/console/', '/console/keys/a']) await without.inject({ method: 'GET', url })
  expect(thrown).toHaveLength(3)
  for (const error of thrown) {
    expect(error).toMatchObject({
      code: 'ERR_CONSOLE_NOT_INSTALLED',
      message: expect.stringContaining('KEYHOLD_CONSOLE_DIR') as string,
    })
  }
  await without.close()
})
