// The file of checkpoints: it never loses the newest one of a chain, does not grow for ever, and survives crashes and disks
// that fail.
import { appendFile, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SignedCheckpoint } from '../../src/installation/audit-checkpoint.ts'
import { createCheckpointWriter } from '../../src/installation/checkpoint-writer.ts'
import { keptCheckpoints } from '../../src/installation/kept-checkpoints.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-kept-'))
})
afterEach(() => rm(folder, { recursive: true }))

const open = (stateDir: string, minBytes?: number) =>
  keptCheckpoints({
    stateDir,
    isOwnKey: (keyId) => keyId === 'own',
    ...(minBytes !== undefined && { minBytes }),
  })
const header = (kid: string) => Buffer.from(JSON.stringify({ alg: 'EdDSA', kid })).toString('base64url')

const of = (tenantId: string | null, number: number, kid = 'own'): SignedCheckpoint => ({
  jws: `${header(kid)}.${tenantId ?? ''}-${number}.`,
  checkpoint: {
    ...{ type: 'keyhold/audit-checkpoint/1', tenantId, sequence: number * 10, hash: 'ab'.repeat(32) },
    ...{ number, previous: '0'.repeat(64), signedAt: '2026-01-02T03:04:05.678Z' },
  },
})
const lines = async (file: string) => (await readFile(file, 'utf8')).split('\n').length - 1

test('the newest one of each chain comes back, in a file for Keyhold alone', async () => {
  const kept = open(path.join(folder, 'state'))
  expect(await kept.load()).toEqual({ newest: [], otherLines: 0 })
  await kept.append([of('a', 1), of(null, 1)])
  await kept.append([of('a', 2)])
  // Lines may come late.
  await kept.append([of(null, 3), of(null, 2)])

  expect(await kept.load()).toEqual({ newest: [of('a', 2), of(null, 3)], otherLines: 0 })
  expect(await lines(kept.file)).toBe(5)
  expect((await stat(kept.file)).mode & 0o777).toBe(0o600)
})

test('it is written anew when it has doubled, and the newest one of an idle chain stays', async () => {
  const kept = open(folder, 2_000)
  await kept.append([of('idle', 1)])
  for (let number = 1; number <= 200; number++) {
    await kept.append([of('busy', number)])
    expect((await stat(kept.file)).size).toBeLessThan(2_500)
  }
  expect((await kept.load()).newest).toEqual([of('idle', 1), of('busy', 200)])

  // Where the newest lines alone are more than that, it does not become smaller each time.
  const many = Array.from({ length: 50 }, (_, index) => of(`tenant-${index}`, 1))
  await kept.append(many)
  const size = (await stat(kept.file)).size
  await kept.append([of('tenant-0', 2)])
  expect((await stat(kept.file)).size).toBeGreaterThan(size)
})

test('the rest of a cut line is taken away, and damaged lines are counted', async () => {
  const kept = open(folder)
  await kept.append([of('a', 1)])
  await appendFile(kept.file, 'rubbish\n{"jws":"x","checkpoint":{"type":"other"}}\nnull\n{"jws":"cut o')
  expect(await kept.load()).toEqual({ newest: [of('a', 1)], otherLines: 3 })
  await kept.append([of('a', 2)])
  expect(await kept.load()).toEqual({ newest: [of('a', 2)], otherLines: 3 })
})

test('checkpoints of another installation, which had the folder before, are left out', async () => {
  const kept = open(folder)
  await kept.append([of(null, 50, 'foreign'), of(null, 1), of('a', 7, 'foreign')])
  expect(await kept.load()).toEqual({ newest: [of(null, 1)], otherLines: 2 })
})

test('where it cannot be written anew, lines are still added, and it is tried again when it has doubled', async () => {
  const kept = open(folder, 1_000)
  // A folder in the place of the temporary file.
  await mkdir(`${kept.file}.tmp`)
  let failures = 0
  for (let number = 1; number <= 40; number++)
    await kept.append([of('a', number)]).catch(() => (failures += 1))
  expect(failures).toBeGreaterThan(1)
  expect(failures).toBeLessThan(7)
  expect(await lines(kept.file)).toBe(40)
  await rm(`${kept.file}.tmp`, { recursive: true })
  for (let number = 41; number <= 90; number++) await kept.append([of('a', number)])
  expect((await stat(kept.file)).size).toBeLessThan(3_000)
  expect((await kept.load()).newest).toEqual([of('a', 90)])
})

test('a file that is none is told', async () => {
  await mkdir(path.join(folder, 'audit-checkpoints.ndjson'))
  await expect(open(folder).load()).rejects.toMatchObject({ code: 'EISDIR' })
})

test('after an error the newest of each chain are written with what comes next', async () => {
  const errors: unknown[] = []
  const kept = open(folder)
  let isBroken = true
  const writer = createCheckpointWriter(
    { append: (all) => (isBroken ? Promise.reject(new Error('full')) : kept.append(all)) },
    (error) => errors.push(error),
  )
  for (const number of [1, 2, 3]) {
    writer.write([of('a', number)])
    await writer.settled()
  }
  writer.write([of(null, 1)])
  await writer.settled()
  expect(errors).toHaveLength(4)

  isBroken = false
  writer.write([])
  await writer.settled()
  expect(await lines(kept.file)).toBe(2)
  expect((await kept.load()).newest).toEqual([of('a', 3), of(null, 1)])
})

test('nothing is written twice, and what comes while it writes is written after', async () => {
  const written: number[][] = []
  const gate = Promise.withResolvers<undefined>()
  const writer = createCheckpointWriter(
    {
      async append(all) {
        await gate.promise
        written.push(all.map(({ checkpoint }) => checkpoint.number))
      },
    },
    () => undefined,
  )
  writer.write([of('a', 1)])
  writer.write([of('a', 2)])
  writer.write([of('a', 3)])
  gate.resolve(undefined)
  await writer.settled()
  expect(written).toEqual([[1], [3]])
})
