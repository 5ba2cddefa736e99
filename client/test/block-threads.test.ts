// Large files in threads: the same bytes as without, in order, and what is refused tells its place. Threads come back with nothing and keep
// no program alive.
import {
  createFileOpener,
  createFileSealer,
  fileFormat,
  generateKey,
  isKeyholdError,
  type DataKey,
} from '@keyhold/core'
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enterBlockThreads, noBlockThreads } from '../src/node/files/block-threads.ts'
import type { BlockThreads } from '../src/node/files/block-threads.ts'
import type { BlockWork } from '../src/node/files/block-messages.ts'
import { closeSource, openSource } from '../src/node/files/file-source.ts'
import { transformFile } from '../src/node/files/transform-file.ts'

const chunksInBlock = 4
const plainBytes = chunksInBlock * fileFormat.chunkBytes
const sealedBytes = chunksInBlock * fileFormat.sealedChunkBytes
const dataKey: DataKey = {
  ...{ tenantId: 'tenant', id: '00000000-0000-4000-8000-000000000001', version: 1 },
  key: generateKey(),
}

let threads: BlockThreads
beforeAll(async () => {
  threads = enterBlockThreads()
  const { blockKey } = createFileSealer(dataKey, {})
  // Until one has started, the caller works itself, and keeps the memory.
  for (let isReady = false; !isReady;) {
    await sleep(20)
    const input = new Uint8Array(new ArrayBuffer(1))
    await threads.run(workOf({ action: 'seal', blockKey, input, length: 1, isLast: true }))
    isReady = input.length === 0
  }
})
afterAll(() => {
  threads.leave()
})

function workOf(
  work: Pick<BlockWork, 'action' | 'blockKey' | 'input' | 'length'> & Partial<BlockWork>,
): BlockWork {
  return { firstIndex: 0, isLast: false, output: new Uint8Array(new ArrayBuffer(2 * sealedBytes)), ...work }
}
const patterned = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) % 256)

test('threads make and open the same bytes as the caller does, in any order', async () => {
  const sealer = createFileSealer(dataKey, { a: 'b' })
  const plaintext = patterned(plainBytes + 100)
  const whole = Buffer.alloc(2 * sealedBytes)
  const length = sealer.sealBlock(plaintext, whole, true)
  const { blockKey } = createFileOpener(dataKey, { a: 'b' }, sealer.head)
  const parts = [
    { firstIndex: chunksInBlock, isLast: true, input: plaintext.slice(plainBytes) },
    { firstIndex: 0, isLast: false, input: plaintext.slice(0, plainBytes) },
  ]
  for (const each of [threads, noBlockThreads]) {
    const sealed = await Promise.all(
      parts.map((part) =>
        each.run(
          workOf({ action: 'seal', blockKey, ...part, input: part.input.slice(), length: part.input.length }),
        ),
      ),
    )
    const bytes = sealed.toReversed().map(({ output, written }) => output.subarray(0, written))
    expect(Buffer.concat(bytes).equals(whole.subarray(0, length))).toBe(true)
    for (const [index, { output, written }] of sealed.entries()) {
      const opened = await each.run(
        workOf({ ...parts[index], action: 'open', blockKey, input: output.slice(), length: written }),
      )
      expect(
        Buffer.from(opened.output.subarray(0, opened.written)).equals(
          parts[index]?.input ?? new Uint8Array(1),
        ),
      ).toBe(true)
    }
  }
})

test('an altered chunk is refused with its place, whoever opens it, and the memory holds nothing of the block', async () => {
  const sealer = createFileSealer(dataKey, {})
  const sealed = Buffer.alloc(2 * sealedBytes)
  sealer.sealBlock(patterned(plainBytes), sealed, false)
  sealed[2 * fileFormat.sealedChunkBytes + 5] = (sealed[2 * fileFormat.sealedChunkBytes + 5] ?? 0) ^ 1
  for (const each of [threads, noBlockThreads]) {
    const input = Uint8Array.from(sealed.subarray(0, sealedBytes))
    const output = new Uint8Array(new ArrayBuffer(plainBytes)).fill(9)
    const refused = await each
      .run(workOf({ action: 'open', blockKey: sealer.blockKey, input, length: sealedBytes, output }))
      .catch((error: unknown) => error)
    expect(isKeyholdError(refused, 'ERR_DECRYPTION_FAILED') && refused.details).toEqual({
      offset: String(fileFormat.headBytes + 2 * fileFormat.sealedChunkBytes),
    })
    expect(refused).toHaveProperty('message', expect.stringContaining('The file cannot be decrypted'))
    // With threads it is gone for good.
    if (output.length > 0)
      expect(output.subarray(0, 3 * fileFormat.chunkBytes).every((byte) => byte === 0 || byte === 9)).toBe(
        true,
      )
  }
})

test('blocks are written in their order, however long each takes, and after a failure none is', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-blocks-'))
  const file = path.join(folder, 'sparse')
  const handle = await open(file, 'w')
  await handle.truncate(17 * 1_048_576)
  await handle.close()
  const source = await openSource(file, undefined)
  const { blockKey } = createFileSealer(dataKey, {})
  let [written, writing, atOnce] = [0, 0, 0]
  let goes = 0
  const failure = new Error('the lease is over')
  const inputBytes = 64 * fileFormat.chunkBytes
  const result = await transformFile(
    source,
    {
      async write(bytes) {
        // Two at a time would be written in any order.
        atOnce = Math.max(atOnce, ++writing)
        await sleep(50)
        writing -= 1
        written += bytes.length
      },
      complete: () => Promise.resolve(),
      discard: () => Promise.resolve(),
    },
    {
      ...{ action: 'seal', blockKey, chunksInBlock: 64, signal: undefined, onProgress: undefined },
      ...{ inputBytes, outputBytes: 65 * fileFormat.sealedChunkBytes },
      mayGoOn: () => (++goes > 8 ? Promise.reject(failure) : Promise.resolve()),
    },
  ).catch((error: unknown) => error)
  expect(result).toBe(failure)
  expect(atOnce).toBe(1)
  const before = written
  expect(written).toBeLessThanOrEqual(8 * 64 * fileFormat.sealedChunkBytes)
  await new Promise(setImmediate)
  expect(written).toBe(before)
  closeSource(source)
  await rm(folder, { recursive: true })
})

test('a program ends when its file is done, though its threads would wait for another one', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-blocks-'))
  const program = path.join(folder, 'program.ts')
  const module = (name: string) =>
    JSON.stringify(path.join(import.meta.dirname, `../src/node/files/${name}.ts`))
  await writeFile(
    program,
    `import { enterBlockThreads } from ${module('block-threads')}
const threads = enterBlockThreads()
threads.leave()
console.log(threads.width > 1)
`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 60_000 })
  expect(stdout).toBe('true\n')
  await rm(folder, { recursive: true })
})
