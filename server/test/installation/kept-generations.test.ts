// The file of generations: nobody makes one without the root key, a crash leaves the old one or the new one, and a disk that
// fails loses nothing.
import { isKeyholdError, keyFromBytes } from '@keyhold/core'
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  gatherRecords,
  type FenceRecord,
  type GuardRecord,
} from '../../src/installation/generations/generation-records.ts'
import { createGenerationWriter } from '../../src/installation/generations/generation-writer.ts'
import {
  keptGenerations,
  type KeptGenerations,
  type KeptGenerationsOptions,
  type KeptStep,
} from '../../src/installation/generations/kept-generations.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-generations-'))
})
afterEach(() => rm(folder, { recursive: true }))

const ring = {
  rootKeyId: '01'.repeat(8),
  rootKey: keyFromBytes(Buffer.alloc(32, 1)),
  installationId: '00000000-0000-4000-8000-000000000001',
}
const at = new Date('2026-01-02T03:04:05.678Z')
const open = (options: Partial<KeptGenerationsOptions> = {}) =>
  keptGenerations({ stateDir: folder, ring, ...options })
const fence = (tenantId: string, generation: number, factsGeneration = generation): FenceRecord => ({
  ...{ kind: 'fence', tenantId, generation },
  known: {
    generation: factsGeneration,
    facts: {
      ...{ isEnding: false, currentFingerprint: tenantId, liveJobId: null, isLiveJobCancelled: false },
      ...{ minimumVersions: {}, openDestructions: [], doneDestructions: [] },
    },
  },
})
const guard = (tenantId: string, generation: number): GuardRecord => ({
  ...{ kind: 'guard', tenantId, generation, known: undefined },
})
/** The knowledge of a replica that starts. */
async function known(kept: KeptGenerations = open()): Promise<Record<string, number>> {
  const records = gatherRecords()
  await kept.read((record) => {
    records.add(record)
  })
  const { fences, guards, installation } = records
  return {
    ...Object.fromEntries([...fences].map(([name, { generation }]) => [`fence ${name}`, generation])),
    ...Object.fromEntries([...guards].map(([name, { generation }]) => [`guard ${name}`, generation])),
    ...(installation && { installation: installation.generation }),
  }
}
const refusal = async (kept: KeptGenerations = open()) =>
  kept
    .read(() => undefined)
    .then(
      () => 'read',
      (error: unknown) => (isKeyholdError(error) ? `${error.code}: ${error.message}` : String(error)),
    )

test('what was verified comes back, the newest of each row, in a file for Keyhold alone', async () => {
  const kept = open({ stateDir: path.join(folder, 'state') })
  expect(await kept.read(() => expect.fail())).toBe(false)
  await kept.append([fence('a', 5), guard('a', 7)], at)
  await kept.append(
    [{ kind: 'installation', tenantId: '', generation: 3, known: undefined }, fence('b', 1)],
    at,
  )
  const { number, digest } = await kept.append([fence('a', 6)], at)

  expect(await known(open({ stateDir: path.join(folder, 'state') }))).toEqual({
    ...{ 'fence a': 6, 'guard a': 7, 'fence b': 1, installation: 3 },
  })
  expect(number).toBe(3)
  expect((await readFile(kept.file, 'utf8')).trimEnd().split('\n').at(-1)).toContain(digest)
  expect((await stat(kept.file)).mode & 0o777).toBe(0o600)
})

test('facts of an earlier generation stay where the newest ones could not be read', async () => {
  const kept = open()
  await kept.append([fence('a', 5)], at)
  await kept.append([{ kind: 'fence', tenantId: 'a', generation: 9, known: undefined }], at)
  const records = gatherRecords()
  await kept.read((record) => {
    records.add(record)
  })
  expect(records.fences.get('a')).toMatchObject({ generation: 9, known: { generation: 5 } })
})

test('the rest of a line that a crash has cut off is left out, and written over', async () => {
  const kept = open()
  await kept.append([fence('a', 1)], at)
  await kept.append([fence('a', 2)], at)
  const text = await readFile(kept.file, 'utf8')
  const first = text.indexOf('\n') + 1
  for (const bytes of [first + 1, first + 60, text.length - 1]) {
    await writeFile(kept.file, text.slice(0, bytes))
    expect(await known()).toEqual({ 'fence a': 1 })
  }
  const again = open()
  await again.read(() => undefined)
  await again.append([fence('a', 3)], at)
  expect(await known()).toEqual({ 'fence a': 3 })
})

test.each<[string, (lines: string[]) => string[], RegExp]>([
  [
    'a changed line',
    (lines) => lines.map((line) => line.replace('["fence","a",2', '["fence","a",1')),
    /was changed/,
  ],
  ['a line that was taken out', ([first = '', , ...rest]) => [first, ...rest], /was changed/],
  [
    'a line that was put twice',
    ([first = '', second = '', ...rest]) => [first, second, second, ...rest],
    /was changed/,
  ],
  ['lines in another order', ([first = '', second = '', ...rest]) => [second, first, ...rest], /was changed/],
  ['a line of nobody', (lines) => [...lines, 'rubbish'], /was changed/],
  ['an empty line', (lines) => [...lines, ''], /was changed/],
  ['a MAC that was cut', (lines) => lines.map((line) => line.replace(/^.{4}/, '')), /was changed/],
])('%s is refused, with what to do', async (_, change, reason) => {
  const kept = open()
  for (const generation of [1, 2, 3]) await kept.append([fence('a', generation)], at)
  const lines = (await readFile(kept.file, 'utf8')).trimEnd().split('\n')
  const text = `${change(lines).join('\n')}\n`
  await writeFile(kept.file, text)
  expect(await refusal()).toMatch(reason)
  expect(await refusal()).toMatch(/^ERR_STATE_FILE_INVALID: .*move the file away/)
  // Nor is it written over.
  await expect(open().append([fence('a', 9)], at)).rejects.toMatchObject({ code: 'ERR_STATE_FILE_INVALID' })
  expect(await readFile(kept.file, 'utf8')).toBe(text)

  await rename(kept.file, `${kept.file}.away`)
  expect(await known()).toEqual({})
})

test('the file of another installation, or of another root key, says so', async () => {
  const installationId = '00000000-0000-4000-8000-000000000002'
  await open({ ring: { ...ring, installationId } }).append([fence('a', 1)], at)
  expect(await refusal()).toContain(`is that of the installation ${installationId}`)
  await rm(open().file)
  await open({ ring: { ...ring, rootKeyId: '02'.repeat(8) } }).append([fence('a', 1)], at)
  expect(await refusal()).toContain(`authenticated under the root key ${'02'.repeat(8)}`)
  await rm(open().file)
  await open({ ring: { ...ring, rootKey: keyFromBytes(Buffer.alloc(32, 2)) } }).append([fence('a', 1)], at)
  expect(await refusal()).toContain('was not written by this installation')
  await rm(open().file)
  await mkdir(open().file)
  expect(await refusal()).toMatch(/^ERR_STATE_FILE_INVALID: .*cannot be read/)
})

test('it is written anew when it has doubled, and a row that rests stays in it', async () => {
  const kept = open({ minBytes: 4_000 })
  await kept.append([fence('rests', 1)], at)
  for (let generation = 1; generation <= 100; generation++) {
    await kept.append([fence('moves', generation)], at)
    expect((await stat(kept.file)).size).toBeLessThan(5_000)
  }
  expect(await known()).toEqual({ 'fence rests': 1, 'fence moves': 100 })
  // It counts on.
  expect((await kept.append([guard('moves', 1)], at)).number).toBe(102)
})

test.each<KeptStep>(['written', 'synced', 'renamed'])(
  'a process that ends when the file is %s leaves a whole one',
  async (end) => {
    const kept = open({ minBytes: 1 })
    await kept.append([fence('a', 1)], at)
    await kept.append([fence('a', 2)], at)
    const killed = open({
      minBytes: 1,
      onStep: (step) => (step === end ? Promise.reject(new Error('killed')) : Promise.resolve()),
    })
    await expect(killed.append([fence('a', 3)], at)).rejects.toThrow('killed')
    expect(await known()).toEqual({ 'fence a': end === 'renamed' ? 3 : 2 })
    await open().append([fence('a', 4)], at)
    expect(await known()).toEqual({ 'fence a': 4 })
  },
)

test('two processes that have one folder by mistake do not spoil the file', async () => {
  const [one, other] = [open(), open()]
  await one.append([fence('a', 1)], at)
  await other.append([fence('b', 1)], at)
  await one.append([fence('a', 2)], at)
  await other.append([fence('b', 2)], at)
  expect(await known()).toEqual({ 'fence a': 2, 'fence b': 2 })
})

test('a file that was moved away under a running replica begins anew', async () => {
  const kept = open()
  await kept.append([fence('a', 1)], at)
  await rm(kept.file)
  await kept.append([fence('b', 1)], at)
  expect(await known()).toEqual({ 'fence b': 1 })
})

test('what a disk has not taken is written with what comes next', async () => {
  const kept = open()
  const failures: unknown[] = []
  const numbers: number[] = []
  const writer = createGenerationWriter({
    kept,
    now: () => at,
    onKept: ({ number }) => {
      numbers.push(number)
      return Promise.resolve()
    },
    onFailed: (error) => failures.push(error),
  })
  writer.write([fence('a', 1)])
  await writer.settled()
  // Nobody can write there, not even root.
  await rm(kept.file)
  await mkdir(kept.file)
  writer.write([fence('a', 3), guard('a', 2)])
  await writer.settled()
  writer.write([fence('a', 2)])
  await writer.settled()
  expect(failures).toHaveLength(2)
  await rm(kept.file, { recursive: true })
  writer.write([])
  await writer.settled()
  expect(await known()).toEqual({ 'fence a': 3, 'guard a': 2 })
  expect(numbers).toHaveLength(2)
})

test('a line that was written in part is none after the next write', async () => {
  const kept = open()
  await kept.append([fence('a', 1)], at)
  await appendFile(kept.file, 'a part of a')
  await kept.append([fence('a', 2)], at)
  expect(await known()).toEqual({ 'fence a': 2 })
})
