// A context value that looks the same and is another: the error says so, and nothing opens by itself.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createKeyholdClient, type LocalEncryption } from '@keyhold/client/node'
import { startFakeKeyhold } from './fake-keyhold.ts'

const composed = 'Übersicht-é.pdf'.normalize('NFC')
const decomposed = composed.normalize('NFD')

let folder: string
let local: LocalEncryption
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-forms-'))
})
beforeEach(async () => {
  const server = await startFakeKeyhold()
  ;({ local } = createKeyholdClient({ url: server.url, token: 'kh_t' }).tenant())
})
afterAll(() => rm(folder, { recursive: true }))

async function refusalOf(action: Promise<unknown>): Promise<{ code: string; said: string }> {
  try {
    await action
  } catch (error) {
    const { code, detail, message } = error as { code: string; detail?: string; message: string }
    return { code, said: detail ?? message }
  }
  throw new Error('it was opened')
}

test.each([
  ['NFC', composed, decomposed],
  ['NFD', decomposed, composed],
])('a value that was encrypted in %s is refused in the other form, by name', async (form, right, wrong) => {
  const token = await local.encrypt('a', { context: { file: right, table: 'docs' } })
  const refusal = await refusalOf(local.decrypt(token, { context: { file: wrong, table: 'docs' } }))
  expect(refusal.code).toBe('ERR_DECRYPTION_FAILED')
  expect(refusal.said).toContain(`normal form ${form}`)
  expect(await local.decryptText(token, { context: { file: right, table: 'docs' } })).toBe('a')
})

test.each([
  ['NFC', composed, decomposed],
  ['NFD', decomposed, composed],
])('a file that was encrypted in %s is refused in the other form, by name', async (form, right, wrong) => {
  const [source, target, opened] = ['source', 'target', 'opened'].map((name) => join(folder, name))
  if (source === undefined || target === undefined || opened === undefined) throw new Error('no names')
  await writeFile(source, 'content')
  await local.encryptFile(source, target, { context: { file: right }, overwrite: true })
  const refusal = await refusalOf(local.decryptFile(target, opened, { context: { file: wrong } }))
  expect(refusal.code).toBe('ERR_DECRYPTION_FAILED')
  expect(refusal.said).toContain(`normal form ${form}`)
  expect(await readdir(folder)).not.toContain('opened')
})

test('another context gets no hint, whatever its letters', async () => {
  const token = await local.encrypt('a', { context: { file: composed } })
  for (const file of ['report.pdf', 'Übersicht-e.pdf', `${decomposed} `]) {
    const refusal = await refusalOf(local.decrypt(token, { context: { file } }))
    expect(refusal.code).toBe('ERR_DECRYPTION_FAILED')
    expect(refusal.said).not.toContain('normal form')
  }
})
