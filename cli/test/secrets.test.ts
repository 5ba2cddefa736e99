// Tokens and API keys in files, and a token on its way to a server.
import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keyhold } from './run-keyhold.ts'
import { serve } from '../../testkit/src/http/serve.ts'
import { temporaryFolder } from './temporary-folder.ts'

const token = 'token-of-the-admin'

test('https to a server that speaks http: exit 4', async () => {
  const url = (await serve((_request, response) => response.end())).replace('http:', 'https:')
  const { stderr, exit } = await keyhold(['tenant', 'ls'], {
    env: { KEYHOLD_URL: url, KEYHOLD_TOKEN: token },
  })
  expect(stderr).toContain('keyhold: hint: the server does not speak TLS there: is it http?\n')
  expect(exit).toBe(4)
})

test('a token file that everybody can read is warned about', async () => {
  const cwd = await temporaryFolder()
  const url = await serve((_request, response) => response.end('[]'))
  await writeFile(join(cwd, 'token'), `${token}\n`)
  await chmod(join(cwd, 'token'), 0o644)
  const args = ['tenant', 'ls', '-q', '--token-file', 'token']
  const { stderr, exit } = await keyhold(args, { env: { KEYHOLD_URL: url }, cwd })
  expect(stderr).toBe('keyhold: warning: every user of this machine can read token; chmod 600 ends that\n')
  expect(exit).toBe(0)
})

test('a key file is readable by its owner alone, and is taken back when no key was made', async () => {
  const cwd = await temporaryFolder()
  let status = 503
  const url = await serve((_request, response) => {
    response.writeHead(status)
    response.end(
      status === 201 ? '{"id":"k1","key":"kh_1"}' : '{"errors":[{"code":"X","title":"No."}],"traceId":"t"}',
    )
  })
  const args = ['api-key', 'create', '--role', 'service', '--key-file', 'key', '-q']
  const run = () => keyhold(args, { env: { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }, cwd })
  expect(await run()).toMatchObject({ exit: 9 })
  expect(await readdir(cwd)).toEqual([])
  status = 201
  expect(await run()).toEqual({ stdout: 'k1\n', stderr: '', exit: 0 })
  expect((await stat(join(cwd, 'key'))).mode & 0o777).toBe(0o600)
})
