// Ranges of encrypted files.
import { mkdtemp, readFile, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyholdClient } from '@keyhold/client/node'
import { readBlock } from '../src/node/files/file-source.ts'
import { startFakeKeyhold } from './fake-keyhold.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-ranges-'))
})
afterAll(() => rm(root, { recursive: true }))

const chunk = 16_400
const size = 5 * 16_384 + 1_000
const content = Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))

async function setUp(plaintext = content) {
  const server = await startFakeKeyhold()
  const clock = { nowMs: 0 }
  const client = createKeyholdClient({ url: server.url, token: 'kh_t', clock: () => clock.nowMs })
  const { local } = client.tenant()
  const folder = await mkdtemp(join(root, 'test-'))
  await writeFile(join(folder, 'plain'), plaintext)
  const path = join(folder, 'encrypted')
  await local.encryptFile(join(folder, 'plain'), path)
  return { server, clock, local, path }
}

async function flipBit(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  await writeFile(path, bytes)
}

test('any range equals the slice of the content', async () => {
  const { local, path } = await setUp()
  const file = await local.openEncryptedFile(path)
  const place = fc.integer({ min: -size - 100, max: size + 100 })
  await fc.assert(
    fc.asyncProperty(place, fc.option(place, { nil: undefined }), async (start, end) => {
      expect((await file.readRange(start, end)).equals(content.subarray(start, end))).toBe(true)
    }),
    { numRuns: 200 },
  )
  await file.close()
})

test.each([0, 1, 16_384, 32_768])('a file of %i bytes has its size and its ends', async (length) => {
  const { local, path } = await setUp(content.subarray(0, length))
  const file = await local.openEncryptedFile(path)
  expect(await file.size()).toBe(length)
  expect((await file.readRange(0)).length).toBe(length)
  expect((await file.readRange(-1)).length).toBe(Math.min(1, length))
  expect((await file.readRange(length)).length).toBe(0)
  await file.close()
})

describe('a changed file', () => {
  test('still has ranges in other chunks, and gives no byte of the changed one', async () => {
    const { local, path } = await setUp()
    await flipBit(path, 82 + 2 * chunk + 5)
    const ranges: [number, number][] = [
      [0, 2 * 16_384],
      [3 * 16_384, 4 * 16_384],
    ]
    for (const [start, end] of ranges)
      expect((await local.readRange(path, start, end)).equals(content.subarray(start, end))).toBe(true)
    for (const [start, end] of [
      [2 * 16_384 - 1, 2 * 16_384 + 1],
      [2 * 16_384 + 100, 2 * 16_384 + 101],
      [0, size],
    ]) {
      await expect(local.readRange(path, start ?? 0, end)).rejects.toMatchObject({
        code: 'ERR_DECRYPTION_FAILED',
        details: { offset: String(82 + 2 * chunk) },
      })
    }
  })

  test('has no end when its last chunk is changed', async () => {
    const { local, path } = await setUp()
    await flipBit(path, 82 + 5 * chunk + 5)
    const file = await local.openEncryptedFile(path)
    const failure = { code: 'ERR_DECRYPTION_FAILED', details: { offset: String(82 + 5 * chunk) } }
    await expect(file.size()).rejects.toMatchObject(failure)
    await expect(file.readRange(-size, 10)).rejects.toMatchObject(failure)
    await expect(file.readRange(0, size + 1)).rejects.toMatchObject(failure)
    await expect(file.readRange(size + 5)).rejects.toMatchObject(failure)
    expect((await file.readRange(0, 10)).equals(content.subarray(0, 10))).toBe(true)
    await file.close()
  })

  test.each([82 + 5 * chunk, 82 + 3 * chunk, 82 + 3 * chunk + 15])(
    'cut to %i bytes has no end, nor ranges beyond',
    async (length) => {
      const { local, path } = await setUp()
      await truncate(path, length)
      const file = await local.openEncryptedFile(path)
      const failure = {
        code: 'ERR_DECRYPTION_FAILED',
        details: { offset: String(length - ((length - 82) % chunk)) },
      }
      await expect(file.size()).rejects.toMatchObject(failure)
      await expect(file.readRange(0)).rejects.toMatchObject(failure)
      await file.close()
    },
  )

  test('cut inside a chunk, so that it looks like a shorter file, has no end either', async () => {
    const { local, path } = await setUp()
    await truncate(path, 82 + 3 * chunk + 500)
    const file = await local.openEncryptedFile(path)
    for (const read of [() => file.size(), () => file.readRange(-1), () => file.readRange(0, size)])
      await expect(read()).rejects.toMatchObject({ code: 'ERR_DECRYPTION_FAILED' })
    await file.close()
  })

  test('with another head does not open', async () => {
    const { local, path } = await setUp()
    await expect(local.openEncryptedFile(path, { context: { a: 'b' } })).rejects.toMatchObject({
      code: 'ERR_DECRYPTION_FAILED',
      details: { offset: '26' },
    })
    await flipBit(path, 0)
    await expect(local.openEncryptedFile(path)).rejects.toMatchObject({ code: 'ERR_TOKEN_INVALID' })
  })
})

test('an open file cannot be read after its lease', async () => {
  const { local, path, server, clock } = await setUp()
  const file = await local.openEncryptedFile(path)
  await file.readRange(0, 10)
  clock.nowMs += 60_000
  await file.readRange(0, 10)
  expect(server.calls).toEqual(['data-keys', 'unwrap'])
  server.isLocked = true
  clock.nowMs += 59_999
  await file.readRange(0, 10)
  clock.nowMs += 1
  await expect(file.readRange(0, 10)).rejects.toMatchObject({ status: 424 })
  await expect(file.size()).rejects.toMatchObject({ status: 424 })
  await file.close()
})

test.each([
  [0.5, 1],
  [0, Number.NaN],
])('a range from %d to %d is refused', async (start, end) => {
  const { local, path } = await setUp()
  await expect(local.readRange(path, start, end)).rejects.toMatchObject({
    code: 'ERR_CLIENT_RANGE_INVALID',
  })
})

test('2 GiB and more are read in parts, because Node aborts the process otherwise', async () => {
  const reads: [length: number, place: number | null][] = []
  const read = (_block: Uint8Array, _offset: number, length: number, place: number | null) => {
    reads.push([length, place])
    return Promise.resolve({ bytesRead: length, buffer: Buffer.alloc(0) })
  }
  // Nobody touches this memory, so that it takes none.
  const block = Buffer.allocUnsafeSlow(2 ** 31 + 5)
  expect(await readBlock({ read } as unknown as FileHandle, block, undefined, 82)).toBe(block.length)
  expect(reads).toEqual([
    [2 ** 30, 82],
    [2 ** 30, 82 + 2 ** 30],
    [5, 82 + 2 ** 31],
  ])
})
