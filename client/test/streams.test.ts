// Web streams make the same bytes as files, from pieces of any length, and no faster than they are read.
import { describe, expect, test } from 'vitest'
import { createKeyholdClient, encryptedSize, type ByteStream } from '@keyhold/client/node'
import { startFakeKeyhold } from './fake-keyhold.ts'

const chunk = 16_400

async function setUp() {
  const server = await startFakeKeyhold()
  const clock = { nowMs: 0 }
  const client = createKeyholdClient({ url: server.url, token: 'kh_t', clock: () => clock.nowMs })
  return { server, clock, local: client.tenant().local }
}

function patterned(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))
}

function inPieces(bytes: Uint8Array, pieceBytes: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.subarray(at, (at += pieceBytes)))
    },
  })
}

/** The bytes that came out before the end or an error, and the error. */
async function collect(stream: ReadableStream<Uint8Array>): Promise<{ bytes: Buffer; error?: unknown }> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of stream) pieces.push(piece)
    return { bytes: Buffer.concat(pieces) }
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error }
  }
}

const through = (bytes: Uint8Array, transform: ByteStream, pieceBytes = 65_536) =>
  collect(inPieces(bytes, pieceBytes).pipeThrough(transform))

describe.each([0, 1, 16_383, 16_384, 16_385, 32_768, 200_000])('%i bytes', (size) => {
  test('come back from pieces of any length', async () => {
    const { local, server } = await setUp()
    const context = { a: 'b' }
    const pieceSizes = size > 20_000 ? [997, 16_384, 16_400, 1_000_000] : [1, 100, 16_400]
    for (const pieceBytes of pieceSizes) {
      const { bytes: encrypted } = await through(
        patterned(size),
        local.encryptStream({ context }),
        pieceBytes,
      )
      expect(encrypted.length).toBe(encryptedSize(size))
      const { bytes, error } = await through(encrypted, local.decryptStream({ context }), pieceBytes)
      expect([error, bytes.equals(patterned(size))]).toEqual([undefined, true])
    }
    expect(server.calls).toEqual(['data-keys'])
  })
})

describe('a stream that is wrong', () => {
  test('gives what came before the wrong chunk at most, and then fails', async () => {
    const { local } = await setUp()
    const plaintext = patterned(5 * 16_384 + 100)
    const { bytes: encrypted } = await through(plaintext, local.encryptStream())
    const cuts = [0, 26, 82, 82 + chunk, 82 + 3 * chunk, 82 + 3 * chunk + 15, encrypted.length - 1]
    const wrongs = cuts.map((cut): [Buffer, number] => [encrypted.subarray(0, cut), cut])
    for (const at of [3, 30, 82, 82 + 2 * chunk + 7, encrypted.length - 1]) {
      const changed = Buffer.from(encrypted)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      wrongs.push([changed, at])
    }
    for (const [wrong, at] of wrongs) {
      const { bytes, error } = await through(wrong, local.decryptStream(), 1_000)
      expect(error, `at ${at}`).toMatchObject({ name: 'KeyholdError' })
      const wholeChunks = Math.max(0, Math.floor((at - 82) / chunk))
      expect(bytes.length, `at ${at}`).toBeLessThanOrEqual(wholeChunks * 16_384)
      expect(plaintext.subarray(0, bytes.length).equals(bytes)).toBe(true)
    }
  })

  test('names the place', async () => {
    const { local } = await setUp()
    const { bytes: encrypted } = await through(patterned(40_000), local.encryptStream())
    const { error } = await through(encrypted.subarray(0, 82 + 2 * chunk), local.decryptStream())
    expect(error).toMatchObject({
      code: 'ERR_DECRYPTION_FAILED',
      details: { offset: String(82 + 2 * chunk) },
    })
  })
})

test('what is written waits until it is read', async () => {
  const { local } = await setUp()
  let pulled = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++
      controller.enqueue(new Uint8Array(16_384))
    },
  })
  const reader = endless.pipeThrough(local.encryptStream()).getReader()
  await reader.read()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(pulled).toBeLessThan(6)
  await reader.cancel()
})

test('a signal ends a stream', async () => {
  const { local } = await setUp()
  const abort = new AbortController()
  abort.abort(new Error('enough'))
  const { error } = await through(patterned(100), local.encryptStream({ signal: abort.signal }))
  expect(error).toMatchObject({ message: 'enough' })
})

test('a stream of a revoked tenant ends with its lease', async () => {
  const { local, server, clock } = await setUp()
  const stream = local.encryptStream()
  const writer = stream.writable.getWriter()
  const collected = collect(stream.readable)
  await writer.write(new Uint8Array(20_000))
  server.isLocked = true
  await writer.write(new Uint8Array(20_000))
  clock.nowMs += 60_000
  await expect(writer.write(new Uint8Array(20_000))).rejects.toMatchObject({ status: 424 })
  expect((await collected).error).toMatchObject({ status: 424 })
})
