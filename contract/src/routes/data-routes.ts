// The data plane: values, leases of data keys, and the data keys themselves.
//
// A route about a named data key has `actions/…` after the name. So no name is taken for `unwrap` or `blind-index`.
import type { Route } from '../route.ts'

const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const
const service = ['service'] as const
const encrypting = ['service', 'service-encrypt'] as const
const dataKeys = '/api/v1/encryption/data-keys'
const dataKey = `${dataKeys}/:keyName`
const leaseKeys = '/api/v1/encryption/lease-keys'

export const dataRoutes = {
  encrypt: {
    method: 'POST',
    path: '/api/v1/encryption/encrypt',
    roles: encrypting,
    permission: 'encrypt',
    summary: 'Encrypts 1 to 1,000 values.',
    replies: { 200: 'json' },
    takesItems: true,
    takesOctets: true,
    mayBeRepeated: true,
  },
  decrypt: {
    method: 'POST',
    path: '/api/v1/encryption/decrypt',
    roles: service,
    permission: 'decrypt',
    summary: 'Decrypts 1 to 1,000 tokens.',
    replies: { 200: 'json' },
    takesItems: true,
    takesOctets: true,
    mayBeRepeated: true,
  },
  reencrypt: {
    method: 'POST',
    path: '/api/v1/encryption/reencrypt',
    roles: service,
    permission: 'reencrypt',
    summary: 'Re-encrypts 1 to 1,000 tokens under the active data keys of their key names.',
    replies: { 200: 'json' },
    takesItems: true,
    mayBeRepeated: true,
  },
  createDataKeyLease: {
    method: 'POST',
    path: dataKeys,
    roles: service,
    permission: 'lease',
    summary: 'Leases the plaintext of the data key for local encryption, which is a new one each day.',
    replies: { 200: 'json' },
    mayBeRepeated: true,
  },
  unwrapDataKey: {
    method: 'POST',
    path: `${dataKeys}/unwrap`,
    roles: service,
    permission: 'lease',
    summary: 'Leases the plaintext of a data key again.',
    replies: { 200: 'json' },
    mayBeRepeated: true,
  },
  getBlindIndexKey: {
    method: 'POST',
    path: `${dataKeys}/blind-index`,
    roles: service,
    permission: 'blind-index',
    summary: 'Leases the key of a blind index. This key never changes.',
    replies: { 200: 'json' },
    mayBeRepeated: true,
  },
  listDataKeys: {
    method: 'GET',
    path: dataKeys,
    roles: reader,
    permission: 'read-data-keys',
    summary: "Lists the tenant's key names with the versions of their data keys.",
    replies: { 200: 'json' },
  },
  rotateDataKey: {
    method: 'POST',
    path: `${dataKey}/actions/rotate`,
    roles: admin,
    permission: 'manage-data-keys',
    summary: 'Makes a new version of a data key, which encrypts everything from now on.',
    replies: { 200: 'json' },
  },
  setMinimumVersion: {
    method: 'POST',
    path: `${dataKey}/actions/set-minimum-version`,
    roles: admin,
    permission: 'manage-data-keys',
    summary: 'Sets the oldest version of a data key that may still decrypt.',
    replies: { 200: 'json' },
  },
  listLeaseKeys: {
    method: 'GET',
    path: leaseKeys,
    roles: reader,
    permission: 'read-data-keys',
    summary: 'Lists the versions of the data key for local encryption.',
    replies: { 200: 'json' },
  },
  endLeaseKey: {
    method: 'POST',
    path: `${leaseKeys}/actions/end`,
    roles: admin,
    permission: 'manage-data-keys',
    summary: 'Makes a new version of the data key for local encryption, under which all leases go on.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>
