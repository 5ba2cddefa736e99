// The wraps of the bare loop: those of Keyhold, or GCM alone, which commits to nothing and binds nothing.
import {
  keyFromBytes,
  unwrapDataKey,
  wrapDataKey,
  type CipherkeyFacts,
  type DataKey,
  type TenantKey,
} from '@keyhold/core'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { pooledNonce } from '../pooled-nonce.ts'

export type WrapName = 'keyhold' | 'plain-gcm'

export interface RowWraps {
  wrap: (tenantKey: TenantKey, dataKey: DataKey, facts: CipherkeyFacts) => Buffer
  unwrap: (tenantKey: TenantKey, ref: Omit<DataKey, 'key'>, facts: CipherkeyFacts, wrapped: Buffer) => DataKey
}

const nonceBytes = 12
const tagBytes = 16

const plainGcm: RowWraps = {
  wrap(tenantKey, { key }) {
    const nonce = pooledNonce()
    const cipher = createCipheriv('aes-256-gcm', tenantKey.key, nonce)
    return Buffer.concat([nonce, cipher.update(key.export()), cipher.final(), cipher.getAuthTag()])
  },
  unwrap(tenantKey, ref, _facts, wrapped) {
    const nonce = wrapped.subarray(0, nonceBytes)
    const decipher = createDecipheriv('aes-256-gcm', tenantKey.key, nonce, { authTagLength: tagBytes })
    decipher.setAuthTag(wrapped.subarray(-tagBytes))
    const bytes = decipher.update(wrapped.subarray(nonceBytes, -tagBytes))
    decipher.final()
    return { ...ref, key: keyFromBytes(bytes) }
  },
}

export const rowWraps: Readonly<Record<WrapName, RowWraps>> = {
  keyhold: { wrap: wrapDataKey, unwrap: unwrapDataKey },
  'plain-gcm': plainGcm,
}
