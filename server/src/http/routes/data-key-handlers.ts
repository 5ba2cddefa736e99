// The routes of leases: data keys for local encryption, and keys of blind indexes.
import type { BlindIndexKey, DataKeyLease } from '@keyhold/contract'
import { encodeHeader, KeyholdError, parseBase64, parseHeader } from '@keyhold/core'
import type { DataKeyLeases, Lease } from '../../keyring/data-key-leases.ts'
import { leaseKeyName } from '../../keyring/lease-key-name.ts'
import type { Caller } from '../../access/caller.ts'
import { permitsKeyName } from '../../access/scopes.ts'
import type { Handlers } from '../server/handler.ts'
import { missingScope } from './scoped-keys.ts'

export function dataKeyHandlers({
  leases,
  now,
}: {
  leases: DataKeyLeases
  /** The database's time. */
  now: () => Date
}): Pick<Handlers, 'createDataKeyLease' | 'unwrapDataKey' | 'getBlindIndexKey'> {
  return {
    async createDataKeyLease({ tenantId }) {
      return { status: 200, body: dataKeyLeaseWire(await leases.create(tenantId), now()) }
    },

    async unwrapDataKey({ tenantId, caller, body }) {
      const bytes = parseBase64(body.header)
      if (bytes === undefined) throw new KeyholdError('ERR_TOKEN_INVALID')
      const { dataKeyId, version } = parseHeader(bytes)
      const lease = await leases.renew(tenantId, dataKeyId, version)
      // The same error as for a token of another tenant, so that nobody learns whether the key exists.
      if (lease === undefined) throw new KeyholdError('ERR_DECRYPTION_FAILED')
      refuseNamedKey(caller, lease)
      return { status: 200, body: dataKeyLeaseWire(lease, now()) }
    },

    async getBlindIndexKey({ tenantId, caller, body }) {
      if (!permitsKeyName(caller.scopes, 'blind-index', body.keyName)) {
        throw missingScope('blind-index', body.keyName)
      }
      const lease = await leases.leaseBlindIndexKey(tenantId, body.keyName)
      return { status: 200, body: leaseWire(lease, now()) }
    },
  }
}

/** The scope for leases is for the data key of leases. Whoever gets one of another name could encrypt and decrypt under it. */
function refuseNamedKey({ scopes }: Pick<Caller, 'scopes'>, { dataKey: { keyName } }: Lease): void {
  if (keyName === undefined || keyName === leaseKeyName) return
  for (const permission of ['encrypt', 'decrypt']) {
    if (!permitsKeyName(scopes, permission, keyName)) throw missingScope(permission, keyName)
  }
}

function leaseWire({ dataKey, remainingMs }: Lease, now: Date): BlindIndexKey {
  const bytes = dataKey.key.export()
  const plaintext = bytes.toString('base64')
  bytes.fill(0)
  return {
    tenantId: dataKey.tenantId,
    plaintext,
    expiresAt: new Date(now.getTime() + remainingMs).toISOString(),
    // Rounded down, because a lease may end early but never late.
    expiresInSeconds: Math.floor(remainingMs) / 1_000,
  }
}

function dataKeyLeaseWire(lease: Lease, now: Date): DataKeyLease {
  const { id: dataKeyId, version } = lease.dataKey
  return {
    ...leaseWire(lease, now),
    dataKeyId,
    version,
    header: encodeHeader({ dataKeyId, version }).toString('base64'),
  }
}
