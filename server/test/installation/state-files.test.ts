// A link in the state folder leads to no other file, whatever Keyhold writes there.
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { keyFromBytes } from '@keyhold/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keptGenerations } from '../../src/installation/generations/kept-generations.ts'
import { keptCheckpoints } from '../../src/installation/kept-checkpoints.ts'
import { refuseLooseFolder } from '../../src/installation/state-files.ts'
import { writeDurably } from '../../src/installation/write-durably.ts'
import { createRootKeyFile, replaceRootKeyFile } from '../../src/kms/root-key-file.ts'

const secret = 'the root key'
let folder: string
let rootKey: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-state-'))
  rootKey = path.join(folder, 'root-key')
  await writeFile(rootKey, secret)
})
afterEach(() => rm(folder, { recursive: true }))

const link = (name: string) => symlink(rootKey, path.join(folder, name))
const ring = {
  rootKeyId: '01'.repeat(8),
  rootKey: keyFromBytes(Buffer.alloc(32, 1)),
  installationId: '00000000-0000-4000-8000-000000000001',
}
const generations = () => keptGenerations({ stateDir: folder, ring })
const checkpoints = () => keptCheckpoints({ stateDir: folder, isOwnKey: () => true })

test('a link in the place of a temporary file is replaced', async () => {
  await link('generations.log.tmp')
  await generations().append([], new Date())
  await link('signing-keys.json.tmp')
  await writeDurably(path.join(folder, 'signing-keys.json'), '{}')
  expect(await readFile(path.join(folder, 'signing-keys.json'), 'utf8')).toBe('{}')
  const other = path.join(folder, 'other-root-key')
  const made = await createRootKeyFile(other, ring.installationId)
  await link('other-root-key.new')
  await replaceRootKeyFile(other, { ...made, installationId: ring.installationId })
  expect(await readFile(rootKey, 'utf8')).toBe(secret)
})

test('a link in the place of a file gets no lines, and is not cut', async () => {
  await link('audit-checkpoints.ndjson')
  await expect(checkpoints().append([])).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(checkpoints().load()).rejects.toMatchObject({ code: 'ELOOP' })
  expect(await readFile(rootKey, 'utf8')).toBe(secret)
})

test('a folder to which everybody may write is refused, and one of a group is not', async () => {
  const stateDir = path.join(folder, 'state')
  await refuseLooseFolder(stateDir)
  await mkdir(stateDir)
  await chmod(stateDir, 0o2775)
  await refuseLooseFolder(stateDir)
  await chmod(stateDir, 0o777)
  await expect(refuseLooseFolder(stateDir)).rejects.toMatchObject({
    code: 'ERR_STATE_FILE_INVALID',
    message: expect.stringContaining('chmod o-w') as string,
  })
})
