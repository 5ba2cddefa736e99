// The internal KMS: tenant keys under the installation's root key, wrapped in this process. It protects every tenant
// that has not registered a key of its own.
import {
  contextPurpose,
  encodeContext,
  generateKey,
  keyFromBytes,
  KeyholdError,
  open,
  seal,
  type KeyInspection,
  type Kms,
  type TenantKeyRef,
} from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import type { RootKey } from './root-key-file.ts'

const arnPrefix = 'keyhold:root-key/'

/** The name of a root key in rows, in place of an ARN. */
export function rootKeyArn(rootKeyId: string): string {
  return `${arnPrefix}${rootKeyId}`
}

/** Whether a key ARN names a root key of the internal KMS. */
export function isRootKeyArn(keyArn: string): boolean {
  return keyArn.startsWith(arnPrefix)
}

/**
 * Creates the internal KMS.
 *
 * @param rootKey - undefined: sealed, every call throws `ERR_SEALED`
 */
export function createInternalKms(rootKey: RootKey | undefined): Kms {
  function rootKeyFor(keyArn: string): RootKey {
    if (rootKey === undefined) throw new KeyholdError('ERR_SEALED')
    if (rootKeyArn(rootKey.id) !== keyArn) throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
    return rootKey
  }

  function wrapContext(ref: TenantKeyRef, { id }: RootKey): Buffer {
    return encodeContext({
      purpose: contextPurpose.tenantKeyWrap,
      tenantId: ref.tenantId,
      objectId: ref.id,
      version: ref.version,
      pairs: { rootKeyId: id },
    })
  }

  function createTenantKey(keyArn: string, ref: TenantKeyRef): { key: KeyObject; wrapped: Buffer } {
    const root = rootKeyFor(keyArn)
    const key = generateKey()
    const bytes = key.export()
    try {
      return { key, wrapped: seal(root.key, wrapContext(ref, root), bytes) }
    } finally {
      bytes.fill(0)
    }
  }

  function unwrapTenantKey(keyArn: string, wrapped: Buffer, ref: TenantKeyRef): KeyObject {
    const root = rootKeyFor(keyArn)
    try {
      return keyFromBytes(open(root.key, wrapContext(ref, root), wrapped))
    } catch (cause) {
      throw new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', { cause })
    }
  }

  function inspectKey(keyArn: string): KeyInspection {
    rootKeyFor(keyArn)
    return {
      keyArn,
      multiRegion: false,
      replicaKeys: [],
      drCompliant: true,
      complianceError: { code: '', region: '', message: '' },
    }
  }

  // Callers of a Kms expect rejections: the bodies are async, so that nothing is thrown at once.
  /* oxlint-disable typescript/require-await */
  return {
    createTenantKey: async (keyArn, ref) => createTenantKey(keyArn, ref),
    unwrapTenantKey: async (keyArn, wrapped, ref) => unwrapTenantKey(keyArn, wrapped, ref),
    inspectKey: async (keyArn) => inspectKey(keyArn),
  }
  /* oxlint-enable typescript/require-await */
}
