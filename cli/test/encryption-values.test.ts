// encrypt --value and decrypt --value: values byte for byte, and never as arguments.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyhold as runKeyhold } from './run-keyhold.ts'
import { serveLeases, type LeaseServer } from './serve-leases.ts'

let server: LeaseServer
let folder: string
beforeAll(async () => {
  server = await serveLeases()
  folder = await mkdtemp(join(tmpdir(), 'keyhold-cli-'))
})
afterAll(async () => {
  server.stop()
  await rm(folder, { recursive: true })
})

const keyhold = (args: string[], stdin = '') =>
  runKeyhold(args, {
    env: { KEYHOLD_URL: server.url, KEYHOLD_TOKEN: 'of-the-service' },
    stdin,
    cwd: folder,
  })

/** The item that the server was given to encrypt. */
function itemOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.trim().slice(4), 'base64url').toString())
}

test('a value and its line end go there and back', async () => {
  const args = ['--value', '--context', 'table=users']
  const { stdout: token, exit } = await keyhold(['encrypt', ...args, '--key-name', 'people'], 'secret\n')
  expect(exit).toBe(0)
  expect(token).toMatch(/^kh1\.[\w-]+\n$/)
  expect(itemOf(token)).toEqual({
    plaintext: Buffer.from('secret\n').toString('base64'),
    context: { table: 'users' },
    keyName: 'people',
  })
  expect(await keyhold(['decrypt', ...args], token)).toEqual({ stdout: 'secret\n', stderr: '', exit: 0 })
  expect(await keyhold(['decrypt', '--value'], token)).toMatchObject({ stdout: '', exit: 1 })
})

test.each([
  ['secret\n', 'secret'],
  ['secret\r\n', 'secret'],
  ['secret\n\n', 'secret\n'],
  ['secret', 'secret'],
  ['\n', ''],
])('--trim-newline makes %j %j', async (input, value) => {
  const { stdout } = await keyhold(['encrypt', '--value', '--trim-newline'], input)
  expect(itemOf(stdout)).toMatchObject({ plaintext: Buffer.from(value).toString('base64') })
})

test('binary values from and to files', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 10])
  await writeFile(join(folder, 'value'), bytes)
  expect(await keyhold(['encrypt', '--value', '-f', 'value', '-o', 'token'])).toMatchObject({ exit: 0 })
  const args = ['decrypt', '--value', '-f', 'token']
  expect(await keyhold([...args, '-o', 'back'])).toEqual({ stdout: '', stderr: '', exit: 0 })
  expect(await readFile(join(folder, 'back'))).toEqual(bytes)
  expect((await stat(join(folder, 'back'))).mode & 0o777).toBe(0o600)
  expect(await keyhold([...args, '-o', 'back'])).toMatchObject({ exit: 2 })
  expect(await keyhold([...args, '--json'])).toMatchObject({ stdout: '{"plaintext":"AP8KDQo="}\n' })
})

test('a value as an argument is refused and not repeated', async () => {
  for (const direction of ['encrypt', 'decrypt']) {
    const { stdout, stderr, exit } = await keyhold([direction, '--value', 'hunter2'])
    expect(stderr).toContain('keyhold: error: --value takes no argument')
    expect(stdout + stderr).not.toContain('hunter2')
    expect(exit).toBe(2)
  }
})

test('a value that is too long is refused', async () => {
  const tooLong = await keyhold(['encrypt', '--value'], 'x'.repeat(1_048_577))
  expect(tooLong.stderr).toContain('(ERR_ITEM_TOO_LARGE)')
  expect(tooLong.exit).toBe(1)
  const endless = await keyhold(['encrypt', '--value', '-f', '/dev/zero'])
  expect(endless.stderr).toContain('keyhold: error: a value has at most 1 MiB (ERR_ITEM_TOO_LARGE)')
  expect(endless.exit).toBe(2)
})

test('without a token', async () => {
  const { stderr, exit } = await runKeyhold(['encrypt', '--value'], {
    env: { KEYHOLD_URL: server.url },
    stdin: 'x',
  })
  expect(stderr).toContain('no access token: KEYHOLD_SERVICE_TOKEN is not set (ERR_CLI_NO_TOKEN)')
  expect(exit).toBe(3)
})
