// The AWS Encryption SDK for JavaScript: its best suite without signatures, with a raw AES keyring so that the figures
// contain no KMS call; with and without its cache of data keys.
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import { randomFillSync } from 'node:crypto'
import { encryptionContext } from './keyhold-values.ts'
import type { ValueWork } from './value-peer.ts'

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY

export function prepareAwsEncryptionSdk(plaintext: Buffer): Promise<ValueWork> {
  return prepareWith(rawKeyring(), plaintext)
}

export function prepareAwsEncryptionSdkWithCache(plaintext: Buffer): Promise<ValueWork> {
  const manager = new NodeCachingMaterialsManager({
    backingMaterials: rawKeyring(),
    cache: getLocalCryptographicMaterialsCache(100),
    maxAge: 3_600_000,
  })
  return prepareWith(manager, plaintext)
}

async function prepareWith(
  materials: RawAesKeyringNode | NodeCachingMaterialsManager,
  plaintext: Buffer,
): Promise<ValueWork> {
  const { result } = await encrypt(materials, plaintext, { suiteId, encryptionContext })
  return {
    encrypt: () => encrypt(materials, plaintext, { suiteId, encryptionContext }),
    decrypt: () => decrypt(materials, result),
  }
}

function rawKeyring(): RawAesKeyringNode {
  return new RawAesKeyringNode({
    keyName: 'benchmark',
    keyNamespace: 'benchmark',
    // It refuses memory that is shared with other buffers.
    unencryptedMasterKey: randomFillSync(new Uint8Array(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  })
}
