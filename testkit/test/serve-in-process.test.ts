// A Keyhold in a process of its own, as its starter sees it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { serveInProcess } from '../src/process/serve-in-process.ts'

test('a server that cannot start is an error with the reason that it gave', async () => {
  const { listening, ended } = serveInProcess({ environment: { KEYHOLD_PORT: 'nowhere' } })
  await expect(listening).rejects.toThrow(/the server did not start: .*KEYHOLD_PORT/)
  expect(await ended).toBe(2)
})

test('a server that is killed before it listens ends by that signal', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-killed-'))
  const environment = { KEYHOLD_PORT: '0', KEYHOLD_DATA_DIR: path.join(folder, 'data') }
  const { kill, listening, ended } = serveInProcess({ environment })
  kill('SIGKILL')
  expect(await ended).toBe('SIGKILL')
  await expect(listening).rejects.toThrow('the server did not start')
  await rm(folder, { recursive: true, force: true })
})
