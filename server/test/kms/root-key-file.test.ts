// The root key's file: made once, for its owner alone, never over another, and read back or refused.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRootKeyFile, readRootKeyFile, rootKeyCheckValue } from '../../src/kms/root-key-file.ts'

const installationId = '0f9619ff-8b86-4011-b42d-00c04fc964ff'
let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-root-key-'))
  file = path.join(folder, 'root-key')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a new root key is in a file that only its owner can read, and nothing else is left', async () => {
  const made = await createRootKeyFile(file, installationId)
  expect(await readdir(folder)).toEqual(['root-key'])
  const { mode, nlink } = await stat(file)
  expect([(mode & 0o777).toString(8), nlink]).toEqual(['600', 1])
  expect(await readFile(file, 'utf8')).toMatch(
    new RegExp(
      `^khroot2\\ninstallation ${installationId}\\nmacs required\\ncurrent ${made.id} [0-9a-f]{64}\\nend\\n$`,
    ),
  )
})

test('what was made is what is read', async () => {
  const made = await createRootKeyFile(file, installationId)
  const read = await readRootKeyFile(file)
  expect(read).toMatchObject({ id: made.id, installationId, requiresMacs: true })
  expect(read?.key.equals(made.key)).toBe(true)
  expect(read && rootKeyCheckValue(read).equals(rootKeyCheckValue(made))).toBe(true)
})

test.each([
  ['a byte order mark', (text: string) => `\uFEFF${text}`],
  ['a Windows line end', (text: string) => text.replaceAll('\n', '\r\n')],
  ['no line end', (text: string) => text.trimEnd()],
])('%s is none of it', async (_, change) => {
  const made = await createRootKeyFile(file, installationId)
  await writeFile(file, change(await readFile(file, 'utf8')))
  expect((await readRootKeyFile(file))?.key.equals(made.key)).toBe(true)
})

test('an existing file is never overwritten, be it a root key or not', async () => {
  for (const text of ['', 'something']) {
    await writeFile(file, text)
    await expect(createRootKeyFile(file, installationId)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(file, 'utf8')).toBe(text)
  }
})

test('of ten that make it at once one succeeds', async () => {
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, () => createRootKeyFile(file, installationId)),
  )
  const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  expect(made).toHaveLength(1)
  expect((await readRootKeyFile(file))?.id).toBe(made[0]?.id)
})

test('two root keys differ in name, key and check value', async () => {
  const one = await createRootKeyFile(file, installationId)
  const two = await createRootKeyFile(`${file}-2`, installationId)
  expect(two.id).not.toBe(one.id)
  expect(two.key.equals(one.key)).toBe(false)
  expect(rootKeyCheckValue(two).equals(rootKeyCheckValue(one))).toBe(false)
})

test('no file is no root key', async () => {
  expect(await readRootKeyFile(file)).toBeUndefined()
})

const id = '0123456789abcdef'
const hex = 'ab'.repeat(32)
const ring = ['khroot2', `installation ${installationId}`, 'macs required', `current ${id} ${hex}`, 'end']
const lines = (...changed: string[]) => `${changed.join('\n')}\n`
const [name = '', installation = '', macs = '', current = '', end = ''] = ring

test.each([
  ['as it was written', `khroot1:${id}:${hex}\n`],
  ['with a byte order mark and a Windows line end', `\uFEFFkhroot1:${id}:${hex}\r\n`],
  ['without a line end', `khroot1:${id}:${hex}`],
])('a file of form 1 is read %s: it names no installation, and requires no MACs', async (_, text) => {
  await writeFile(file, text)
  const read = await readRootKeyFile(file)
  expect(read).toMatchObject({ id, installationId: undefined, requiresMacs: false })
  expect(read?.key.export().toString('hex')).toBe(hex)
})

test('the lines of form 2 may come in another order, but for the first and the last', async () => {
  await writeFile(file, lines(name, current, macs, installation, end))
  expect(await readRootKeyFile(file)).toMatchObject({ id, installationId, requiresMacs: true })
})

test.each([
  ['empty', ''],
  ['cut short', `khroot1:${id}:${hex.slice(2)}\n`],
  ['too long', `khroot1:${id}:${hex}00\n`],
  ['in capitals', `khroot1:${id}:${hex.toUpperCase()}\n`],
  ['of form 1 with the name of form 2', `khroot2:${id}:${hex}\n`],
  ['of a newer form', lines('khroot3', ...ring.slice(1))],
  ['without its name', `khroot1:${hex}\n`],
  ['with a second line', `khroot1:${id}:${hex}\n\n`],
  ['with a space', ` khroot1:${id}:${hex}\n`],
  ['zeros, as after a crash of a file system', '\0'.repeat(90)],
  ['a ring without its name', lines(...ring.slice(1))],
  ['a ring that was cut after a line', lines(...ring.slice(0, 4))],
  ['a ring that was cut inside its key', lines(...ring).slice(0, -20)],
  ['a ring that ends otherwise', lines(...ring.slice(0, 4), 'fin')],
  ['a ring with something behind it', lines(...ring, '')],
  ['a ring without an installation', lines(name, macs, current, end)],
  ['a ring with an installation in capitals', lines(name, installation.toUpperCase(), macs, current, end)],
  ['a ring that does not say that MACs are required', lines(name, installation, current, end)],
  ['a ring that says that they are optional', lines(name, installation, 'macs optional', current, end)],
  ['a ring without a key', lines(name, installation, macs, end)],
  ['a ring with a short key', lines(name, installation, macs, current.slice(0, -2), end)],
  [
    'a ring with a key in capitals',
    lines(name, installation, macs, `current ${id} ${hex.toUpperCase()}`, end),
  ],
  ['a ring with two current keys', lines(name, installation, macs, current, current, end)],
  ['a ring with an empty line', lines(name, installation, '', macs, current, end)],
  [
    'a ring with a line that it does not know',
    lines(name, installation, macs, current, `next ${id} ${hex}`, end),
  ],
])('a file that is %s is refused, by name and without its content', async (_, text) => {
  await writeFile(file, text)
  const error: unknown = await readRootKeyFile(file).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'ERR_ROOT_KEY_INVALID',
    message: expect.stringContaining(file) as string,
  })
  expect(String(error)).toMatch(/put the right file back from your backup|run the version that wrote it/)
  expect(String(error).toLowerCase()).not.toContain(hex.slice(0, 20))
})

test('what is there but cannot be read is refused, not taken for missing', async () => {
  await mkdir(file)
  await expect(readRootKeyFile(file)).rejects.toMatchObject({ code: 'ERR_ROOT_KEY_INVALID' })
})

test.runIf(process.getuid?.() !== 0)(
  'a file without permission is refused, not taken for missing',
  async () => {
    await createRootKeyFile(file, installationId)
    await chmod(file, 0)
    await expect(readRootKeyFile(file)).rejects.toMatchObject({ code: 'ERR_ROOT_KEY_INVALID' })
  },
)
