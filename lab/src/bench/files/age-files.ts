// age, to an X25519 recipient: the library in TypeScript, and the command.
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { pieceBytes, type FileWork } from './file-peer.ts'

type Bytes = ReadableStream<Uint8Array>

export async function prepareAgeLibrary(): Promise<FileWork> {
  const identity = await generateX25519Identity()
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(identity))
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  const through = async (source: string, transform: (bytes: Bytes) => Promise<Bytes>, target: string) => {
    const read = createReadStream(source, { highWaterMark: pieceBytes })
    const bytes = await transform(Readable.toWeb(read) as Bytes)
    const piped = Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0])
    await pipeline(piped, createWriteStream(target, { highWaterMark: pieceBytes }))
  }
  return {
    encrypt: (source, target) => through(source, (bytes) => encrypter.encrypt(bytes), target),
    decrypt: (source, target) => through(source, (bytes) => decrypter.decrypt(bytes), target),
  }
}

/** The command of Debian's package `age`, or any other in the PATH. */
export async function prepareAgeCommand(folder: string): Promise<FileWork> {
  const run = promisify(execFile)
  await run('age', ['--version']).catch(() => {
    throw new Error('there is no command age in the PATH')
  })
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const identityFile = path.join(folder, 'age-identity')
  await writeFile(identityFile, identity, { mode: 0o600 })
  return {
    async encrypt(source, target) {
      await run('age', ['-r', recipient, '-o', target, source])
    },
    async decrypt(source, target) {
      await run('age', ['-d', '-i', identityFile, '-o', target, source])
    },
  }
}
