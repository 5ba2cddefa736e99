// The other sides of encrypting a file to a file.
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import { generateKey } from '@keyhold/core'
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { execFile } from 'node:child_process'
import { createCipheriv, randomBytes, randomFillSync } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

export type EncryptFile = (source: string, target: string) => Promise<void>

const pieceBytes = 1_048_576
const reader = (source: string) => createReadStream(source, { highWaterMark: pieceBytes })

/** @param flush - whether the target is on disk in the end, as ours is */
export function plainGcmStreams(flush: boolean): EncryptFile {
  const key = generateKey()
  return async (source, target) => {
    const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12), { authTagLength: 16 })
    await pipeline(reader(source), cipher, createWriteStream(target, { highWaterMark: pieceBytes, flush }))
  }
}

export function awsEncryptionSdkStreams(): EncryptFile {
  const { encryptStream } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
  const keyring = new RawAesKeyringNode({
    keyName: 'benchmark',
    keyNamespace: 'benchmark',
    unencryptedMasterKey: randomFillSync(new Uint8Array(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  })
  const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY
  return async (source, target) => {
    // Its default of 4 KiB a frame is half as fast.
    const encrypting = encryptStream(keyring, { suiteId, frameLength: 65_536 })
    await pipeline(reader(source), encrypting, createWriteStream(target))
  }
}

export async function ageLibrary(): Promise<EncryptFile> {
  const recipient = await identityToRecipient(await generateX25519Identity())
  return async (source, target) => {
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    const encrypted = await encrypter.encrypt(Readable.toWeb(reader(source)) as ReadableStream<Uint8Array>)
    await pipeline(
      Readable.fromWeb(encrypted as Parameters<typeof Readable.fromWeb>[0]),
      createWriteStream(target),
    )
  }
}

/** The command of Debian's package `age`, or any other in the PATH. */
export async function ageCommand(): Promise<EncryptFile> {
  const run = promisify(execFile)
  await run('age', ['--version']).catch(() => {
    throw new Error('there is no command age in the PATH')
  })
  const recipient = await identityToRecipient(await generateX25519Identity())
  return async (source, target) => {
    await run('age', ['-r', recipient, '-o', target, source])
  }
}
