// The data plane: values, leases of data keys, and the data keys themselves.
import type { Route } from '../route.ts'
import {
  blindIndexKey,
  blindIndexKeyBody,
  createDataKeyLeaseBody,
  dataKeyLease,
  decryptReply,
  encryptReply,
  itemsBody,
  reencryptReply,
  unwrapDataKeyBody,
} from '../schemas/data.ts'
import { dataKey, dataKeyPage, listDataKeysQuery, setMinimumVersionBody } from '../schemas/data-key.ts'

const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const
const service = ['service'] as const

export const dataRoutes = {
  encrypt: {
    method: 'POST',
    path: '/api/v1/encryption/encrypt',
    roles: service,
    summary: 'Encrypts 1 to 1,000 values.',
    body: itemsBody,
    replies: { 200: encryptReply },
  },
  decrypt: {
    method: 'POST',
    path: '/api/v1/encryption/decrypt',
    roles: service,
    summary: 'Decrypts 1 to 1,000 tokens.',
    body: itemsBody,
    replies: { 200: decryptReply },
  },
  reencrypt: {
    method: 'POST',
    path: '/api/v1/encryption/reencrypt',
    roles: service,
    summary: 'Brings 1 to 1,000 tokens under the active data keys of their names.',
    body: itemsBody,
    replies: { 200: reencryptReply },
  },
  createDataKeyLease: {
    method: 'POST',
    path: '/api/v1/encryption/datakeys',
    roles: service,
    summary: 'Makes a data key of its own for local encryption and leases its plaintext.',
    body: createDataKeyLeaseBody,
    replies: { 200: dataKeyLease },
  },
  unwrapDataKey: {
    method: 'POST',
    path: '/api/v1/encryption/datakeys/unwrap',
    roles: service,
    summary: 'Leases the plaintext of a data key again.',
    body: unwrapDataKeyBody,
    replies: { 200: dataKeyLease },
  },
  getBlindIndexKey: {
    method: 'POST',
    path: '/api/v1/encryption/datakeys/blind-index',
    roles: service,
    summary: 'Leases the key of a blind index, which never changes.',
    body: blindIndexKeyBody,
    replies: { 200: blindIndexKey },
  },
  listDataKeys: {
    method: 'GET',
    path: '/api/v1/encryption/data-keys',
    roles: reader,
    summary: "Lists the tenant's key names with the versions of their data keys.",
    query: listDataKeysQuery,
    replies: { 200: dataKeyPage },
  },
  rotateDataKey: {
    method: 'POST',
    path: '/api/v1/encryption/data-keys/:keyName/actions/rotate',
    roles: admin,
    summary: "Makes a new version of a name's data key, under which everything is encrypted from now on.",
    replies: { 200: dataKey },
  },
  setMinimumVersion: {
    method: 'POST',
    path: '/api/v1/encryption/data-keys/:keyName/actions/set-minimum-version',
    roles: admin,
    summary: 'Refuses to decrypt what is encrypted under older versions than this one, or allows it again.',
    body: setMinimumVersionBody,
    replies: { 200: dataKey },
  },
} as const satisfies Record<string, Route>
