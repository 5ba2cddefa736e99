// One cipher of node:crypto over the whole file. It commits to no key, hands out plaintext before it is authenticated, and
// ends at 64 GiB.
import { generateKey } from '@keyhold/core'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pieceBytes, type FileWork } from './file-peer.ts'

const options = { authTagLength: 16 }

/** Nonce and tag stay in memory, which favours this side: there is no standard way to put them into a file. */
export function preparePlainGcmFiles(): FileWork {
  const key = generateKey()
  let nonce = randomBytes(12)
  let tag = Buffer.alloc(16)
  const through = (source: string, cipher: Duplex, target: string) =>
    pipeline(
      createReadStream(source, { highWaterMark: pieceBytes }),
      cipher,
      createWriteStream(target, { highWaterMark: pieceBytes }),
    )
  return {
    async encrypt(source, target) {
      nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, options)
      await through(source, cipher, target)
      tag = cipher.getAuthTag()
    },
    decrypt: (source, target) =>
      through(source, createDecipheriv('aes-256-gcm', key, nonce, options).setAuthTag(tag), target),
  }
}
