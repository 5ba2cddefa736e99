// encrypt and decrypt of files and streams: real keys, and a disk on which nothing half-done stays.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { keyhold as runKeyhold } from './run-keyhold.ts'
import { serveLeases, type LeaseServer } from './serve-leases.ts'

let server: LeaseServer
let folder: string
beforeAll(async () => {
  server = await serveLeases()
})
afterAll(() => {
  server.stop()
})
beforeEach(async () => {
  server.isLocked = false
  server.requests = []
  folder = await mkdtemp(join(tmpdir(), 'keyhold-cli-'))
  return () => rm(folder, { recursive: true })
})

const at = (name: string) => join(folder, name)
const names = async () => (await readdir(folder)).toSorted()

function environment(): Record<string, string> {
  return { KEYHOLD_URL: server.url, KEYHOLD_SERVICE_TOKEN: 'of-the-service', KEYHOLD_TOKEN: 'of-the-admin' }
}

const keyhold = (args: string[], stdin = '') => runKeyhold(args, { env: environment(), stdin, cwd: folder })

/** A text of so many bytes, in which each part names its place. */
function content(size: number): string {
  return Array.from({ length: Math.ceil(size / 8) }, (_, index) => String(index).padStart(8, '.'))
    .join('')
    .slice(0, size)
}

function flipped(bytes: Buffer, index: number): Buffer {
  bytes[index] = (bytes[index] ?? 0) ^ 1
  return bytes
}

async function encrypted(text: string): Promise<void> {
  await writeFile(at('plain'), text)
  expect(await keyhold(['encrypt', 'plain', '-o', 'sealed'])).toEqual({ stdout: '', stderr: '', exit: 0 })
}

test.each([0, 16_383, 16_384, 16_385, 3_000_000])('%i bytes go to a file and back', async (size) => {
  const bytes = randomBytes(size)
  await writeFile(at('plain'), bytes)
  const context = ['--context', 'table=a=b', '--context', '__proto__=x']
  const done = { stdout: '', stderr: '', exit: 0 }
  expect(await keyhold(['encrypt', 'plain', '-o', 'sealed', ...context])).toEqual(done)
  expect(await keyhold(['decrypt', 'sealed', '-o', 'back', ...context])).toEqual(done)
  expect((await readFile(at('back'))).equals(bytes)).toBe(true)
  expect((await stat(at('back'))).mode & 0o777).toBe(0o600)
  expect(server.requests.map(({ token }) => token)).toEqual([
    'Bearer of-the-service',
    'Bearer of-the-service',
  ])
})

test('from standard input, to standard output, for a tenant that is named', async () => {
  const text = content(100_000)
  expect(await keyhold(['encrypt', '-o', 'sealed', '--tenant', 'acme'], text)).toMatchObject({ exit: 0 })
  expect(await keyhold(['decrypt', 'sealed'])).toEqual({ stdout: text, stderr: '', exit: 0 })
  expect(server.requests.map(({ tenant }) => tenant)).toEqual(['acme', undefined])
})

test.each([
  ['0-4', 0, 5],
  ['16380-16390', 16_380, 16_391],
  ['49990-', 49_990, 50_000],
  ['49990-99999', 49_990, 50_000],
  ['-3', 49_997, 50_000],
  ['-99999', 0, 50_000],
])('--range %s', async (range, from, to) => {
  const text = content(50_000)
  await encrypted(text)
  const { stdout, stderr, exit } = await keyhold(['decrypt', 'sealed', '--range', range])
  expect([stdout, stderr, exit]).toEqual([text.slice(from, to), '', 0])
  expect(await keyhold(['decrypt', 'sealed', '--range', range, '-o', 'part'])).toMatchObject({ exit: 0 })
  expect(await readFile(at('part'), 'utf8')).toBe(text.slice(from, to))
})

test('a range behind the end', async () => {
  await encrypted('12345')
  expect(await keyhold(['decrypt', 'sealed', '--range', '5-9', '-o', 'part'])).toMatchObject({
    stderr: 'keyhold: error: the content has only 5 bytes (ERR_CLI_RANGE)\n',
    exit: 1,
  })
  expect(await names()).toEqual(['plain', 'sealed'])
})

test.each([
  ['cut', (bytes: Buffer) => bytes.subarray(0, 30_000), 16_482],
  ['changed in the middle', (bytes: Buffer) => flipped(bytes, 20_000), 16_482],
  ['changed at the end', (bytes: Buffer) => flipped(bytes, bytes.length - 1), 49_282],
  ['followed by another', (bytes: Buffer) => Buffer.concat([bytes, bytes]), undefined],
  ['empty', () => Buffer.alloc(0), 0],
  ['something else', () => Buffer.from('%PDF-1.7 and so on'), 0],
])('a file that is %s: the place is named, and nothing is left', async (_, damage, offset) => {
  await encrypted(content(50_000))
  await writeFile(at('sealed'), damage(await readFile(at('sealed'))))
  const place = offset === undefined ? /byte \d+/ : new RegExp(`byte ${offset}\\b`)
  const toFile = await keyhold(['decrypt', 'sealed', '-o', 'back'])
  expect([toFile.stdout, toFile.exit]).toEqual(['', 1])
  expect(toFile.stderr).toMatch(place)
  const toOutput = await keyhold(['decrypt', 'sealed'])
  expect(toOutput.exit).toBe(1)
  expect(content(50_000)).toContain(toOutput.stdout)
  expect(await names()).toEqual(['plain', 'sealed'])
})

test('damage at the boundaries of chunks is found and placed', async () => {
  await encrypted(content(2 * 16_384))
  const bytes = await readFile(at('sealed'))
  const [head, first, second] = [
    bytes.subarray(0, 82),
    bytes.subarray(82, 16_482),
    bytes.subarray(16_482, 32_882),
  ]
  const end = bytes.subarray(32_882)
  const damages: [name: string, bytes: Buffer, offset: number][] = [
    ['head', head, 82],
    ['cut', bytes.subarray(0, 32_882), 32_882],
    ['cut-less', bytes.subarray(0, 32_883), 32_882],
    ['cut-more', bytes.subarray(0, 32_881), 16_482],
    ['swapped', Buffer.concat([head, second, first, end]), 82],
    ['twice', Buffer.concat([head, first, first, second, end]), 16_482],
    ['joined', Buffer.concat([bytes, bytes]), 32_882],
    ['more', Buffer.concat([bytes, Buffer.alloc(1)]), 32_882],
  ]
  const isReadInPart = new Set(['cut', 'swapped', 'more'])
  const before = await names()
  const check = async ([name, changed, offset]: (typeof damages)[number]) => {
    await writeFile(at(name), changed)
    const { stdout, stderr, exit } = await keyhold(['decrypt', name, '-o', `${name}-back`])
    expect([name, stdout, exit]).toEqual([name, '', 1])
    expect(stderr, name).toMatch(new RegExp(`byte ${offset}\\b.*ERR_DECRYPTION_FAILED`))
    // A range is refused where the file has no end, and where the range itself was changed.
    if (isReadInPart.has(name)) {
      const range = await keyhold(['decrypt', name, '--range', '-1', '-o', `${name}-part`])
      expect([name, range.stdout, range.exit]).toEqual([name, '', 1])
    }
    await rm(at(name))
  }
  for (let from = 0; from < damages.length; from += 2)
    await Promise.all(damages.slice(from, from + 2).map(check))
  expect(await names()).toEqual(before)
})

test('a wrong context, and a key that was taken away', async () => {
  await encrypted('secret')
  const wrong = await keyhold(['decrypt', 'sealed', '-o', 'back', '--context', 'a=b'])
  expect(wrong).toMatchObject({ stdout: '', exit: 1 })
  expect(wrong.stderr).toContain('(ERR_DECRYPTION_FAILED)\nkeyhold: hint: tenant and --context must be')
  server.isLocked = true
  for (const args of [
    ['decrypt', 'sealed', '-o', 'back'],
    ['decrypt', 'sealed'],
    ['decrypt', 'sealed', '--range', '0-1', '-o', 'back'],
    ['encrypt', 'plain', '-o', 'back'],
  ]) {
    expect(await keyhold(args)).toMatchObject({ stdout: '', exit: 8 })
  }
  expect((await keyhold(['encrypt', '-o', 'back'], 'x')).exit).toBe(8)
  expect(await names()).toEqual(['plain', 'sealed'])
})

test('an output that exists is kept without --force, and replaced with it', async () => {
  await encrypted('first')
  const before = server.requests.length
  for (const args of [['plain'], []]) {
    expect(await keyhold(['encrypt', ...args, '-o', 'sealed'], 'x')).toEqual({
      stdout: '',
      stderr:
        'keyhold: error: sealed exists already (ERR_CLI_FILE_EXISTS)\nkeyhold: hint: --force replaces it\n',
      exit: 2,
    })
  }
  expect(server.requests).toHaveLength(before)
  expect(await keyhold(['encrypt', '-o', 'sealed', '--force'], 'second')).toMatchObject({ exit: 0 })
  expect(await keyhold(['decrypt', 'sealed', '-o', 'plain', '--force'])).toMatchObject({ exit: 0 })
  expect(await readFile(at('plain'), 'utf8')).toBe('second')
  // A device or a folder is never replaced.
  for (const path of ['/dev/null', '.'])
    expect(await keyhold(['encrypt', '-o', path, '--force'], 'x')).toMatchObject({ exit: 2 })
})

test.each([
  [['encrypt', 'missing', '-o', 'x'], 'cannot read missing: no such file or directory (ERR_CLI_FILE)'],
  [['encrypt', '.', '-o', 'x'], 'the source is a directory: . (ERR_CLI_FILE)'],
  [['encrypt', '.'], 'cannot read .: illegal operation on a directory (ERR_CLI_FILE)'],
  [['encrypt', 'plain', '-o', 'no/x'], 'cannot write no/x: no such file or directory (ERR_CLI_FILE)'],
  [['encrypt', '-o', 'no/x'], 'cannot write no/x: no such file or directory (ERR_CLI_FILE)'],
  [['decrypt', '--range', '0-1'], '--range needs a file'],
  [['decrypt', '/dev/null', '--range', '0-1'], '/dev/null is not a file'],
  [['decrypt', 'plain', '--range', '5-1'], 'It must be FIRST-LAST'],
  [['decrypt', 'plain', '--range', '-'], 'It must be FIRST-LAST'],
  [['encrypt', 'plain', '--context', '=a'], 'or key=value for encrypt and decrypt'],
  [['encrypt', 'plain', '--context', 'a=1', '--context', 'a=2'], 'The key a is there twice'],
  [['encrypt', 'plain', '--context', 'a=\u0001', '-o', 'x'], '(ERR_CLIENT_CONTEXT_INVALID)'],
  [['encrypt', 'plain', '--key-name', 'k'], '--key-name is for --value'],
  [['encrypt', 'plain', '--json'], 'standard output holds the content'],
  [['encrypt', '--token-file', '-'], 'cannot hold both the token and the content'],
])('%j is a wrong command line', async (args, message) => {
  await writeFile(at('plain'), 'x')
  const { stdout, stderr, exit } = await keyhold(args)
  expect(stderr).toContain(message)
  expect([stdout, exit]).toEqual(['', 2])
  expect(await names()).toEqual(['plain'])
})

test('a file that grows shorter on the way is no file', async () => {
  await encrypted(content(50_000))
  await truncate(at('sealed'), 49_282)
  const { stdout, stderr, exit } = await keyhold(['decrypt', 'sealed'])
  expect([stdout, exit]).toEqual(['', 1])
  expect(stderr).toContain('byte 49282')
})
