// Encrypted files that were changed, of every size where something begins or ends. Every way to read them refuses them
// and names the place, and nothing is left behind.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyholdClient, encryptedSize, type LocalEncryption } from '@keyhold/client/node'
import { doseOf } from '../../testkit/src/statistics/dose-of.ts'
import { startFakeKeyhold } from './fake-keyhold.ts'

const headerBytes = 26
const headBytes = 82
const plainChunk = 16_384
const chunk = 16_400

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-tampering-'))
})
afterAll(() => rm(root, { recursive: true }))

// 65,536 bytes are four chunks, and 1,048,576 are one block of the loop over files; each has an empty last chunk.
const sizes = [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 65_536, 1_048_575, 1_048_576]

function patterned(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))
}

async function sealed(local: LocalEncryption, plaintext: Buffer): Promise<Buffer> {
  const stream = new Blob([Uint8Array.from(plaintext)]).stream()
  const encrypted = stream.pipeThrough(local.encryptStream())
  return Buffer.from(await new Response(encrypted).arrayBuffer())
}

interface Damage {
  name: string
  bytes: Buffer
  /** The head is whole, and another file's: only the chunks show it. */
  hasOtherHead?: boolean
}

function chunkAt(file: Buffer, index: number): Buffer {
  return file.subarray(headBytes + index * chunk, headBytes + (index + 1) * chunk)
}

function flipped(file: Buffer, at: number): Damage {
  const bytes = Buffer.from(file)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at)
  return { name: `a bit of byte ${at} flipped`, bytes }
}

/** Of many chunks those at both ends, which are the ends of blocks as well. */
function chunksOf(file: Buffer): number[] {
  const count = Math.ceil((file.length - headBytes) / chunk)
  const all = Array.from({ length: count }, (_, index) => index)
  return count < 10 ? all : [0, count - 2, count - 1]
}

function cuts(file: Buffer): Damage[] {
  const inHead = [0, 1, headerBytes - 1, headerBytes, 49, 50, headBytes - 1]
  const inChunks = chunksOf(file).flatMap((index) => {
    const start = headBytes + index * chunk
    return [start - 1, start, start + 1, start + 16]
  })
  const places = new Set([...inHead, ...inChunks, file.length - 1])
  return [...places]
    .filter((at) => at < file.length)
    .map((at) => ({ name: `cut to ${at} bytes`, bytes: file.subarray(0, at) }))
}

function flips(file: Buffer): Damage[] {
  // Magic, suite, flags, data key id, its version; salt; commitment.
  const inHead = [0, 2, 4, 5, 6, 21, 22, 25, 26, 49, 50, 81]
  const inChunks = chunksOf(file).flatMap((index) => {
    const start = headBytes + index * chunk
    const end = Math.min(start + chunk, file.length)
    // First, middle and last of the body where there is one, then the tag.
    return [start, Math.floor((start + end - 16) / 2), end - 17, end - 16, end - 1].filter(
      (at) => at >= start,
    )
  })
  return [...new Set([...inHead, ...inChunks])].map((at) => flipped(file, at))
}

function rearranged(file: Buffer, other: Buffer): Damage[] {
  const head = file.subarray(0, headBytes)
  const all = Array.from({ length: Math.ceil((file.length - headBytes) / chunk) }, (_, index) =>
    chunkAt(file, index),
  )
  const of = (name: string, ...parts: Buffer[]): Damage => ({ name, bytes: Buffer.concat(parts) })
  const last = all.length - 1
  const swaps = chunksOf(file)
    .filter((index) => index < last)
    .map((index) => {
      const [first, second] = [chunkAt(file, index), chunkAt(file, index + 1)]
      const order = [...all.slice(0, index), second, first, ...all.slice(index + 2)]
      return of(`chunks ${index} and ${index + 1} swapped`, head, ...order)
    })
  const perChunk = chunksOf(file).flatMap((index) => [
    of(`chunk ${index} left out`, head, ...all.toSpliced(index, 1)),
    of(`chunk ${index} there twice`, head, ...all.toSpliced(index, 0, chunkAt(file, index))),
    of(
      `chunk ${index} from another file under the same key`,
      head,
      ...all.toSpliced(index, 1, chunkAt(other, index)),
    ),
  ])
  return [
    ...swaps,
    ...perChunk,
    {
      ...of('the head of another file under the same key', other.subarray(0, headBytes), ...all),
      hasOtherHead: true,
    },
    of('a byte more', file, Buffer.from([0])),
    of('an empty chunk more', file, Buffer.alloc(16)),
    of('a whole chunk of zeros more', file, Buffer.alloc(chunk)),
    of('the same file once more', file, file),
    of('the content of the same file once more', file, ...all),
  ]
}

/** The right `code offset`: the place where the file first differs from the one that was encrypted. */
function expected(
  original: Buffer,
  { bytes: changed, hasOtherHead }: Damage,
  way: 'file' | 'stream',
): string {
  if (hasOtherHead === true) return `ERR_DECRYPTION_FAILED ${headBytes}`
  const differsAt = Array.from({ length: Math.min(headBytes, changed.length) }, (_, at) => at).find(
    (at) => original[at] !== changed[at],
  )
  if (changed.length < headerBytes) return 'ERR_TOKEN_INVALID 0'
  // Changed magic, suite and flags are no file of Keyhold's. By a changed id or version the server knows no key.
  if (differsAt !== undefined && differsAt < 6) return 'ERR_TOKEN_INVALID 0'
  if (differsAt !== undefined && differsAt < headerBytes) return 'ERR_DECRYPTION_FAILED'
  if (changed.length < headBytes) return 'ERR_DECRYPTION_FAILED 0'
  if (differsAt !== undefined) return `ERR_DECRYPTION_FAILED ${headerBytes}`
  // A last chunk of full length lacks the one that should follow: found before it is opened, where the end is known.
  const endsWhole = way === 'file' && (changed.length - headBytes) % chunk === 0
  const ending = Math.floor((changed.length - headBytes) / chunk)
  for (let index = 0; ; index++) {
    const isLastBlock = Math.floor(index / 64) === Math.floor(ending / 64)
    if (!chunkAt(original, index).equals(chunkAt(changed, index)))
      return `ERR_DECRYPTION_FAILED ${headBytes + (endsWhole && isLastBlock ? ending : index) * chunk}`
  }
}

async function outcome(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
    return 'done'
  } catch (error) {
    const { code, details } = error as { code?: string; details?: { offset?: string } }
    return `${code ?? String(error)} ${details?.offset ?? ''}`.trim()
  }
}

async function setUp(plaintext: Buffer) {
  const server = await startFakeKeyhold()
  const { local } = createKeyholdClient({ url: server.url, token: 'kh_t' }).tenant()
  const folder = await mkdtemp(join(root, 'test-'))
  const file = await sealed(local, plaintext)
  expect(file.length).toBe(encryptedSize(plaintext.length))
  const other = await sealed(local, plaintext)
  const all = [...cuts(file), ...flips(file), ...rearranged(file, other)]
  // Swapping two equal chunks is no damage.
  const damages = all.filter(({ bytes }) => !bytes.equals(file))
  expect(damages.length).toBeGreaterThan(30)
  return { local, folder, path: join(folder, 'sealed'), target: join(folder, 'target'), file, damages }
}

describe.each(doseOf(sizes, 2))('a changed file of %i bytes', (size) => {
  const plaintext = patterned(size)

  test('is not decrypted to a file, and nothing is left of the attempt', async () => {
    const { local, folder, path, target, file, damages } = await setUp(plaintext)
    for (const damage of damages) {
      const { name, bytes } = damage
      await writeFile(path, bytes)
      const result = await outcome(() => local.decryptFile(path, target))
      expect(result, name).toBe(expected(file, damage, 'file'))
      expect(await readdir(folder), name).toEqual(['sealed'])
    }
    await writeFile(path, file)
    expect(await outcome(() => local.decryptFile(path, target))).toBe('done')
  })
})

// Both of these read chunk by chunk, so the end of a block is nothing special.
describe.each(sizes.filter((size) => size < 100_000))('a changed file of %i bytes', (size) => {
  const plaintext = patterned(size)

  test('gives a stream no byte of the wrong chunk or what follows it', async () => {
    const { local, file, damages } = await setUp(plaintext)
    for (const damage of damages) {
      const { name, bytes } = damage
      const pieces: Uint8Array[] = []
      const result = await outcome(async () => {
        const stream = new Blob([Uint8Array.from(bytes)]).stream()
        for await (const piece of stream.pipeThrough(local.decryptStream())) pieces.push(piece)
      })
      const right = expected(file, damage, 'stream')
      expect(result, name).toBe(right)
      const wrongChunk = Math.max(0, Math.floor((Number(right.split(' ')[1] ?? 0) - headBytes) / chunk))
      const given = Buffer.concat(pieces)
      expect(given.length, name).toBeLessThanOrEqual(wrongChunk * plainChunk)
      expect(given.equals(plaintext.subarray(0, given.length)), name).toBe(true)
    }
  })

  test('is not read as a whole', async () => {
    const { local, path, file, damages } = await setUp(plaintext)
    for (const damage of damages) {
      const { name, bytes } = damage
      await writeFile(path, bytes)
      const [code, offset] = (await outcome(() => local.readRange(path, 0))).split(' ')
      const [rightCode, rightOffset] = expected(file, damage, 'file').split(' ')
      expect([code, offset === undefined], name).toEqual([rightCode, rightOffset === undefined])
      // The end is verified first: of two wrong places that is the one that is named.
      expect(Number(offset ?? 0), name).toBeGreaterThanOrEqual(Number(rightOffset ?? 0))
    }
  })
})
