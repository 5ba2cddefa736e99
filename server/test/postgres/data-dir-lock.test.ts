// One process per data directory, however processes end and however many try at once.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { lockDataDir } from '../../src/postgres/data-dir-lock.ts'

const module = JSON.stringify(join(import.meta.dirname, '../../src/postgres/data-dir-lock.ts'))
const script = `
  const { lockDataDir } = await import(${module})
  await lockDataDir(process.argv[1]).then(
    () => { console.log('held'); setInterval(() => {}, 1000) },
    (error) => console.log(error.code + ' ' + error.details.pid),
  )`

let root: string
const children: ChildProcess[] = []

/** A process that takes the lock and keeps it until it is killed; with what it says. */
function lockInChild(dataDir: string): { child: ChildProcess; says: Promise<string> } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const says = once(createInterface(child.stdout), 'line').then(([line]) => String(line))
  return { child, says }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-lock-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

test('of several processes at once one holds the lock, and the others learn its pid', async () => {
  const dataDir = join(root, 'several')
  const attempts = Array.from({ length: 5 }, () => lockInChild(dataDir))
  const answers = await Promise.all(attempts.map(({ says }) => says))
  const winner = attempts[answers.indexOf('held')]
  expect([...answers].sort()).toEqual([
    ...Array.from({ length: 4 }, () => `ERR_DATA_DIR_IN_USE ${winner?.child.pid}`),
    'held',
  ])
})

test('the lock of a killed process is free at once', async () => {
  const dataDir = join(root, 'killed')
  const { child, says } = lockInChild(dataDir)
  expect(await says).toBe('held')
  await expect(lockDataDir(dataDir)).rejects.toMatchObject({ details: { pid: String(child.pid) } })
  await kill(child)
  const lock = await lockDataDir(dataDir)
  expect(await readFile(join(dataDir, 'keyhold.pid'), 'utf8')).toMatch(`${process.pid}\n`)
  await lock.release()
})

test('a note of a pid that somebody else has now does not hold the directory', async () => {
  const dataDir = join(root, 'reused')
  await (await lockDataDir(dataDir)).release()
  await writeFile(join(dataDir, 'keyhold.pid'), `1\nlocalhost\n`)
  const lock = await lockDataDir(dataDir)
  await lock.release()
})

test('release is idempotent, leaves no note, and does not release the next holder', async () => {
  const dataDir = join(root, 'released')
  const first = await lockDataDir(dataDir)
  await first.release()
  expect(await readdir(dataDir)).toEqual(['keyhold.lock'])
  const second = await lockDataDir(dataDir)
  await first.release()
  await expect(lockDataDir(dataDir)).rejects.toMatchObject({ code: 'ERR_DATA_DIR_IN_USE' })
  await second.release()
})

test('a path that can be no folder is refused in words', async () => {
  const file = join(root, 'file')
  await writeFile(file, '')
  await expect(lockDataDir(join(file, 'data'))).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringContaining('KEYHOLD_DATA_DIR') as string,
  })
})
