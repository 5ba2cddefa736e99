// The content of a big file, made from a seed, and its digest.
import { createCipheriv, createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createReadStream } from 'node:fs'

const pieceBytes = 1_048_576

/** Writes this many bytes, which no compression and no sparse file makes fewer; answers their SHA-256 in hex. */
export async function writeContent(path: string, bytes: number, seed: number): Promise<string> {
  const key = createHash('sha256').update(`big file ${seed}`).digest()
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const zeros = Buffer.alloc(pieceBytes)
  const digest = createHash('sha256')
  const handle = await open(path, 'wx')
  try {
    for (let written = 0; written < bytes; written += pieceBytes) {
      const piece = stream.update(zeros.subarray(0, Math.min(pieceBytes, bytes - written)))
      digest.update(piece)
      await handle.write(piece)
    }
  } finally {
    await handle.close()
  }
  return digest.digest('hex')
}

/** @param range - the first byte and the one after the last */
export async function digestOf(path: string, range?: readonly [start: number, end: number]): Promise<string> {
  const digest = createHash('sha256')
  const part = range === undefined ? {} : { start: range[0], end: range[1] - 1 }
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes, ...part }))
    digest.update(piece as Buffer)
  return digest.digest('hex')
}
