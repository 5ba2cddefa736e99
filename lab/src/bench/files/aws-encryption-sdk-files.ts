// Streams of the AWS Encryption SDK, with its best suite without signatures and a raw AES keyring.
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import { randomFillSync } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { pieceBytes, type FileWork } from './file-peer.ts'

/** @param frameLength - bytes with a tag of their own, like our chunks of 16 KiB; its default is 4 KiB */
export function prepareAwsEncryptionSdkFiles(frameLength: number): FileWork {
  const { encryptStream, decryptStream } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
  const keyring = new RawAesKeyringNode({
    keyName: 'benchmark',
    keyNamespace: 'benchmark',
    unencryptedMasterKey: randomFillSync(new Uint8Array(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  })
  const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY
  const reader = (source: string) => createReadStream(source, { highWaterMark: pieceBytes })
  return {
    encrypt: (source, target) =>
      pipeline(
        reader(source),
        encryptStream(keyring, { suiteId, frameLength }),
        createWriteStream(target, { highWaterMark: pieceBytes }),
      ),
    decrypt: (source, target) =>
      pipeline(
        reader(source),
        decryptStream(keyring),
        createWriteStream(target, { highWaterMark: pieceBytes }),
      ),
  }
}
