// The root key's file: made once, for its owner alone, never over another, and read back or refused.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRootKeyFile, readRootKeyFile, rootKeyCheckValue } from '../../src/kms/root-key-file.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-root-key-'))
  file = path.join(folder, 'root-key')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a new root key is in a file that only its owner can read, and nothing else is left', async () => {
  const made = await createRootKeyFile(file)
  expect(await readdir(folder)).toEqual(['root-key'])
  const { mode, nlink } = await stat(file)
  expect([(mode & 0o777).toString(8), nlink]).toEqual(['600', 1])
  expect(await readFile(file, 'utf8')).toMatch(new RegExp(`^khroot1:${made.id}:[0-9a-f]{64}\\n$`))
})

test('what was made is what is read', async () => {
  const made = await createRootKeyFile(file)
  const read = await readRootKeyFile(file)
  expect(read?.id).toBe(made.id)
  expect(read?.key.equals(made.key)).toBe(true)
  expect(read && rootKeyCheckValue(read).equals(rootKeyCheckValue(made))).toBe(true)
})

test.each([
  ['a byte order mark', (text: string) => `\uFEFF${text}`],
  ['a Windows line end', (text: string) => text.replace('\n', '\r\n')],
  ['no line end', (text: string) => text.trimEnd()],
])('%s is none of it', async (_, change) => {
  const made = await createRootKeyFile(file)
  await writeFile(file, change(await readFile(file, 'utf8')))
  expect((await readRootKeyFile(file))?.key.equals(made.key)).toBe(true)
})

test('an existing file is never overwritten, be it a root key or not', async () => {
  for (const text of ['', 'something']) {
    await writeFile(file, text)
    await expect(createRootKeyFile(file)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(file, 'utf8')).toBe(text)
  }
})

test('of ten that make it at once one succeeds', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => createRootKeyFile(file)))
  const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  expect(made).toHaveLength(1)
  expect((await readRootKeyFile(file))?.id).toBe(made[0]?.id)
})

test('two root keys differ in name, key and check value', async () => {
  const one = await createRootKeyFile(file)
  const two = await createRootKeyFile(`${file}-2`)
  expect(two.id).not.toBe(one.id)
  expect(two.key.equals(one.key)).toBe(false)
  expect(rootKeyCheckValue(two).equals(rootKeyCheckValue(one))).toBe(false)
})

test('no file is no root key', async () => {
  expect(await readRootKeyFile(file)).toBeUndefined()
})

const id = '0123456789abcdef'
const hex = 'ab'.repeat(32)

test.each([
  ['empty', ''],
  ['cut short', `khroot1:${id}:${hex.slice(2)}\n`],
  ['too long', `khroot1:${id}:${hex}00\n`],
  ['in capitals', `khroot1:${id}:${hex.toUpperCase()}\n`],
  ['of another version', `khroot2:${id}:${hex}\n`],
  ['without its name', `khroot1:${hex}\n`],
  ['with a second line', `khroot1:${id}:${hex}\n\n`],
  ['with a space', ` khroot1:${id}:${hex}\n`],
  ['zeros, as after a crash of a file system', '\0'.repeat(90)],
])('a file that is %s is refused, by name and without its content', async (_, text) => {
  await writeFile(file, text)
  const error: unknown = await readRootKeyFile(file).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'ERR_ROOT_KEY_INVALID',
    message: expect.stringContaining(file) as string,
  })
  expect(String(error)).not.toContain(hex.slice(0, 20))
})

test('a missing newline at the end does no harm', async () => {
  await writeFile(file, `khroot1:${id}:${hex}`)
  expect((await readRootKeyFile(file))?.id).toBe(id)
})

test('what is there but cannot be read is refused, not taken for missing', async () => {
  await mkdir(file)
  await expect(readRootKeyFile(file)).rejects.toMatchObject({ code: 'ERR_ROOT_KEY_INVALID' })
})

test.runIf(process.getuid?.() !== 0)(
  'a file without permission is refused, not taken for missing',
  async () => {
    await createRootKeyFile(file)
    await chmod(file, 0)
    await expect(readRootKeyFile(file)).rejects.toMatchObject({ code: 'ERR_ROOT_KEY_INVALID' })
  },
)
