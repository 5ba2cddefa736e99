// Checks the server's answer to a request for a key. Anything odd is refused: a value is lost that is encrypted under a
// key that the server does not know.
import { tenantIdPattern } from '@keyhold/contract'
import {
  isKeyholdError,
  keptBytes,
  keyBytes,
  keyFromBytes,
  parseBase64,
  parseHeader,
  type DataKey,
} from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import { KeyholdClientError } from '../keyhold-client-error.ts'
import type { Fetched } from './lease-cache.ts'

/** A leased data key, with the header that names it. */
export interface LeasedKey {
  dataKey: DataKey
  header: Buffer
}

const tenantIdForm = new RegExp(tenantIdPattern)

/** @throws KeyholdClientError `ERR_CLIENT_BAD_REPLY`, also for the key of another tenant */
export function readDataKeyLease(body: unknown, tenantId: string | undefined): Fetched<LeasedKey> {
  const { id, key, expiresInSeconds, members } = readKey(body, tenantId)
  const header = typeof members.header === 'string' ? parseBase64(members.header) : undefined
  if (header === undefined) throw badReply()
  const { dataKeyId, version } = headerOf(header)
  if (dataKeyId !== members.dataKeyId || version !== members.version) throw badReply()
  const dataKey = { tenantId: id, id: dataKeyId, version, key }
  return { key: { dataKey, header: keptBytes(header) }, expiresInSeconds }
}

/** @throws KeyholdClientError `ERR_CLIENT_BAD_REPLY` */
export function readBlindIndexKey(body: unknown, tenantId: string | undefined): Fetched<KeyObject> {
  const { key, expiresInSeconds } = readKey(body, tenantId)
  return { key, expiresInSeconds }
}

interface AnsweredKey extends Fetched<KeyObject> {
  /** The tenant's id. */
  id: string
  members: Readonly<Record<string, unknown>>
}

function readKey(body: unknown, tenantId: string | undefined): AnsweredKey {
  if (typeof body !== 'object' || body === null) throw badReply()
  const members = body as Readonly<Record<string, unknown>>
  const { tenantId: id, plaintext, expiresInSeconds } = members
  const isTheTenants = typeof id === 'string' && tenantIdForm.test(id) && id === (tenantId ?? id)
  const isTime = typeof expiresInSeconds === 'number' && expiresInSeconds >= 0
  const bytes = typeof plaintext === 'string' ? parseBase64(plaintext) : undefined
  if (!isTheTenants || !isTime || bytes?.length !== keyBytes) throw badReply()
  return { id, key: keyFromBytes(bytes), expiresInSeconds, members }
}

function headerOf(header: Buffer): ReturnType<typeof parseHeader> {
  try {
    return parseHeader(header)
  } catch (error) {
    throw isKeyholdError(error) ? badReply() : error
  }
}

export function badReply(): KeyholdClientError {
  return new KeyholdClientError('ERR_CLIENT_BAD_REPLY', 'the answer has another key than was asked for')
}
