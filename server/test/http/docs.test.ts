// The documentation under /docs: its files and nothing beside them, under a policy that lets pages load nothing from elsewhere.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { findDocs } from '../../src/wiring/sites/find-docs.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { errorCode } from './read-body.ts'

const hash = `sha256-${'A'.repeat(43)}=`
let folder: string
let site: string
let server: TestServer
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-docs-'))
  site = path.join(folder, 'dist')
  await mkdir(path.join(site, 'assets'), { recursive: true })
  const files = {
    'site.json': JSON.stringify({ format: 1, scriptHashes: [hash] }),
    'index.html': '<h1>Start</h1>',
    'api.html': '<h1>API</h1>',
    'assets/app.js': 'plain()',
    'assets/app.js.br': 'compressed',
    '.hidden': 'hidden',
    '../secret.html': 'secret',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(site, name), content)
  server = await startTestServer({ KEYHOLD_DOCS_DIR: site })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

interface Sent {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** Sends the path as it is, which `fetch` does not. */
function send(method: string, target: string, headers: Record<string, string> = {}): Promise<Sent> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    request({ hostname, port, method, path: target, headers, agent: false }, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text })
      })
    })
      .on('error', reject)
      .end()
  })
}

const get = (target: string, headers?: Record<string, string>) => send('GET', target, headers)

describe('pages', () => {
  test.each([
    ['/docs/', '<h1>Start</h1>'],
    ['/docs/index.html', '<h1>Start</h1>'],
    ['/docs/index?a=b', '<h1>Start</h1>'],
    ['/docs/api', '<h1>API</h1>'],
    ['/docs/api.html', '<h1>API</h1>'],
  ])('%s', async (target, content) => {
    const answer = await get(target)
    expect(answer).toMatchObject({ status: 200, text: content })
    expect(answer.headers['content-type']).toMatch(/^text\/html; charset=utf-8$/i)
    expect(answer.headers['cache-control']).toBe('no-cache')
    for (const name of ['etag', 'last-modified']) expect(answer.headers[name]).toBeUndefined()
  })

  test('/docs leads on by a relative address, which holds behind any path of a proxy', async () => {
    const { status, headers } = await fetch(`${server.url}/docs`, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([302, 'docs/'])
  })

  test('a slash behind the name of a page leads to the page', async () => {
    const target = `${server.url}/docs/api/`
    const { status, headers } = await fetch(target, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([302, '../api'])
    expect(await (await fetch(target)).text()).toBe('<h1>API</h1>')
    expect((await get('/docs/nothing/')).status).toBe(404)
  })

  test('HEAD has the headers of GET, and no body', async () => {
    const [head, whole] = await Promise.all(
      ['HEAD', 'GET'].map((method) => fetch(`${server.url}/docs/`, { method })),
    )
    expect([head?.status, await head?.text()]).toEqual([200, ''])
    for (const name of ['content-type', 'content-security-policy', 'cache-control', 'content-length'])
      expect(head?.headers.get(name), name).toBe(whole?.headers.get(name))
  })

  test('hashed files are kept for ever, and come compressed to whoever takes it', async () => {
    const target = '/docs/assets/app.js'
    const plain = await fetch(`${server.url}${target}`, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(await plain.text()).toBe('plain()')
    expect(plain.headers.get('vary')).toMatch(/accept-encoding/i)
    for (const [accepted, encoding] of [
      ['br', 'br'],
      ['gzip, br;q=0.5', 'br'],
      ['gzip', undefined],
      ['br;q=0', undefined],
      ['x'.repeat(1_000), undefined],
    ] as const) {
      const answer = await get(target, { 'accept-encoding': accepted })
      expect([answer.status, answer.headers['content-encoding']], accepted).toEqual([200, encoding])
    }
  })

  test.each(['application/json', 'text/html;q=0', '*/*', ''])(
    'a page comes for Accept: %s',
    async (accept) => {
      expect((await get('/docs/', { accept })).status).toBe(200)
    },
  )
})

describe('the policy', () => {
  const policyOf = async (target: string) => (await get(target)).headers['content-security-policy'] ?? ''

  test('of a page allows its own scripts, by their hashes, and styles in files alone', async () => {
    expect(await policyOf('/docs/')).toBe(
      `default-src 'none'; script-src 'self' '${hash}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
  })

  test('of the reference of the API allows styles, and no script in the page', async () => {
    for (const target of ['/docs/api', '/docs/api.html', '/docs/api?a#b']) {
      const policy = await policyOf(target)
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'")
      expect(policy).toContain("connect-src 'self'")
    }
  })

  test('is on refusals as well', async () => {
    expect(await policyOf('/docs/none')).toContain("default-src 'none'")
    expect((await get('/docs/none')).headers['x-content-type-options']).toBe('nosniff')
  })
})

describe('nothing else', () => {
  test.each([
    '/docs/none',
    '/docs/assets',
    '/docs/assets/',
    '/docs/.hidden',
    '/docs/../secret.html',
    '/docs/..%2fsecret.html',
    '/docs/%2e%2e/secret.html',
    '/docs/%2e%2e%2fsecret.html',
    '/docs/assets/../../secret.html',
    '/docs/assets/..%5c..%5csecret.html',
    '/docs//etc/passwd',
    '/docs/%2fetc%2fpasswd',
    '/docs/%00',
    '/docs/index.html%00.js',
    '/docs/%c0%ae%c0%ae/secret.html',
    '/docs/%',
    `/docs/${'a/'.repeat(2_000)}`,
    '/Docs/',
    '/docsindex.html',
  ])('%s', async (target) => {
    const answer = await get(target)
    expect(answer.text).not.toContain('secret')
    expect([400, 404]).toContain(answer.status)
    expect(errorCode(JSON.parse(answer.text))).toMatch(/^ERR_(ROUTE_NOT_FOUND|INVALID_REQUEST)$/)
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is no method of it', async (method) => {
    const answer = await send(method, '/docs/index.html')
    expect([answer.status, errorCode(JSON.parse(answer.text)), answer.headers.allow]).toEqual([
      405,
      'ERR_METHOD_NOT_ALLOWED',
      'GET, HEAD',
    ])
  })
})

describe('what is installed', () => {
  const warnings: unknown[] = []
  const logger = { warn: (...line: unknown[]) => warnings.push(line) } as unknown as Parameters<
    typeof findDocs
  >[1]
  const find = (docsDir: string) =>
    findDocs(readSettings({ KEYHOLD_DATA_DIR: folder, KEYHOLD_DOCS_DIR: docsDir }), logger)

  test.each([
    ['no folder', undefined],
    ['no site.json', ''],
    ['no JSON', '{'],
    ['another format', '{"format":2,"scriptHashes":[]}'],
    ['a hash that is none', `{"format":1,"scriptHashes":["sha256-x; script-src *"]}`],
    ['more than a hash', `{"format":1,"scriptHashes":["${hash}; script-src *"]}`],
    ['no hashes', '{"format":1}'],
  ])('a folder with %s ends the start', async (name, content) => {
    const broken = path.join(folder, name.replaceAll(/\W/g, '-'))
    if (content !== undefined) {
      await mkdir(broken)
      if (content !== '') await writeFile(path.join(broken, 'site.json'), content)
    }
    expect(() => find(broken)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })

  test('a folder behind a link is taken', async () => {
    await symlink(site, path.join(folder, 'link'))
    expect(find(path.join(folder, 'link'))).toMatchObject({ scriptHashes: [`'${hash}'`] })
  })
})

test('without the documentation, the answer says what to install', async () => {
  const { registerDocs } = await import('../../src/http/docs/register-docs.ts')
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ exposeHeadRoutes: false })
  const thrown: unknown[] = []
  app.setErrorHandler((error, _request, reply) => {
    thrown.push(error)
    return reply.code(404).send()
  })
  registerDocs(app, undefined)
  for (const url of ['/docs', '/docs/', '/docs/api', '/docs/assets/app.js'])
    for (const method of ['GET', 'HEAD'] as const) await app.inject({ method, url })
  expect(thrown).toHaveLength(8)
  for (const error of thrown) {
    expect(error).toMatchObject({
      code: 'ERR_DOCS_NOT_INSTALLED',
      message: expect.stringContaining('KEYHOLD_DOCS_DIR') as string,
    })
  }
  await app.close()
})
