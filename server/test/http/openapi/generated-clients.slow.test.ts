// Generators of others make clients from the description: these compile, and encrypt a value. The linter of others finds
// nothing in it. npm has all that the first two need; the third needs a Python with `venv`, and is skipped by name without it.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasPython, runPython } from '../../../../testkit/src/process/python.ts'
import { startTestServer, type TestServer } from '../../../../testkit/src/server/start-test-server.ts'

const run = promisify(execFile)
const programs = path.join(import.meta.dirname, 'programs')
const timeoutMs = 600_000
const expected = 'aGVsbG8= bytes ERR_PLAINTEXT_INVALID ERR_FORBIDDEN'

let server: TestServer
let folder: string
let serviceToken: string
beforeAll(async () => {
  server = await startTestServer()
  ;({ serviceToken } = await server.createTenant())
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-clients-'))
  const { text } = await server.request('GET', '/openapi.json')
  await writeFile(path.join(folder, 'openapi.json'), text)
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** Installs packages in a folder of their own: some need an older TypeScript beside them. */
async function install(name: string, ...packages: string[]): Promise<{ place: string; bin: string }> {
  const place = path.join(folder, name)
  await mkdir(place)
  await writeFile(path.join(place, 'package.json'), JSON.stringify({ type: 'module' }))
  await run('npm', ['install', '--prefix', place, '--no-audit', '--no-fund', ...packages], { cwd: place })
  return { place, bin: path.join(place, 'node_modules/.bin') }
}

test(
  'redocly finds nothing to mend',
  async () => {
    const { place, bin } = await install('redocly', '@redocly/cli@2.77.0')
    const rules = {
      'operation-4xx-response': 'error',
      'no-ambiguous-paths': 'off',
      'no-unused-components': 'error',
      'no-invalid-schema-examples': 'error',
      'no-invalid-parameter-examples': 'error',
    }
    await writeFile(path.join(place, 'redocly.yaml'), JSON.stringify({ extends: ['recommended'], rules }))
    const args = ['lint', '--format', 'json', '--config', 'redocly.yaml', '../openapi.json']
    const { stdout } = await run(path.join(bin, 'redocly'), args, {
      cwd: place,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    })
    const { totals } = JSON.parse(stdout) as { totals: { errors: number; warnings: number } }
    expect(totals).toMatchObject({ errors: 0, warnings: 0 })
  },
  timeoutMs,
)

test(
  'a client in TypeScript compiles and encrypts',
  async () => {
    const packages = ['typescript@5.9.3', 'openapi-typescript@7.13.0', 'openapi-fetch@0.17.0']
    const { place, bin } = await install('typescript', ...packages, '@types/node@24.19.2')
    await run(path.join(bin, 'openapi-typescript'), ['../openapi.json', '-o', 'schema.d.ts'], { cwd: place })
    await cp(path.join(programs, 'encrypt.ts.txt'), path.join(place, 'encrypt.ts'))
    const options = ['--strict', '--target', 'es2024', '--module', 'nodenext', '--types', 'node']
    await run(path.join(bin, 'tsc'), [...options, 'encrypt.ts'], { cwd: place })
    const args = ['encrypt.js', server.url, serviceToken]
    const { stdout } = await run(process.execPath, args, { cwd: place })
    expect(stdout.trim()).toBe(expected)
  },
  timeoutMs,
)

test.skipIf(!hasPython('venv'))(
  'a client in Python encrypts (needs Python with venv)',
  async () => {
    const place = path.join(folder, 'python')
    runPython('-m', 'venv', place)
    const bin = path.join(place, 'bin')
    await run(path.join(bin, 'pip'), ['install', '--quiet', 'openapi-python-client==0.29.1'])
    await writeFile(
      path.join(place, 'config.yml'),
      JSON.stringify({ package_name_override: 'keyhold_client', post_hooks: [] }),
    )
    const { stdout, stderr } = await run(
      path.join(bin, 'openapi-python-client'),
      ['generate', '--path', '../openapi.json', '--meta', 'none', '--config', 'config.yml'],
      { cwd: place },
    )
    expect(`${stdout}${stderr}`).not.toContain('WARNING')
    await cp(path.join(programs, 'encrypt.py'), path.join(place, 'encrypt.py'))
    const args = ['encrypt.py', server.url, serviceToken]
    const answer = await run(path.join(bin, 'python'), args, { cwd: place })
    expect(answer.stdout.trim()).toBe(expected)
  },
  timeoutMs,
)
