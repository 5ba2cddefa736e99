// From what a request calls a key (key id, key ARN, alias name, alias ARN) to the key.
import { isKeyId, kmsArn, parseKmsArn } from '../keys/kms-arn.ts'
import type { Call } from './call.ts'
import type { Caller } from '../callers/callers.ts'
import type { Key } from '../keys/key-record.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { KmsError, notFound } from '../kms-error.ts'

interface KeyName {
  readonly account: string
  readonly resource: string
}

/** Where an operation may not be used on keys of other accounts, AWS takes no alias either. */
export type Reach = 'any account' | 'own account'

/** @throws KmsError NotFoundException, InvalidArnException, or AccessDeniedException for foreign keys. */
export function findKey(call: Call, keyId: string, reach: Reach): Key {
  const name = parseName(keyId, call.caller.account, call.region)
  if (reach === 'own account' && name.resource.startsWith('alias/')) {
    throw notFound(`Invalid keyId '${keyId}'`)
  }
  const key = lookUp(call.store, name, call.region)
  if (key !== undefined) return key
  const arn = kmsArn(call.region, name.account, name.resource)
  if (name.account !== call.caller.account) throw hidden(call.caller, call.operation, arn)
  throw notFound(
    name.resource.startsWith('alias/') ? `Alias ${arn} is not found.` : `Key '${arn}' does not exist`,
  )
}

/** Like findKey, but for onlookers: no key is no error. */
export function peekKey(
  store: KeyStore,
  keyId: string,
  caller: Pick<Caller, 'account'>,
  region: string,
): Key | undefined {
  try {
    return lookUp(store, parseName(keyId, caller.account, region), region)
  } catch {
    return undefined
  }
}

function lookUp(store: KeyStore, { account, resource }: KeyName, region: string): Key | undefined {
  if (resource.startsWith('key/')) return store.find(account, resource.slice('key/'.length), region)
  const alias = store.findAlias(account, region, resource)
  return alias === undefined ? undefined : store.find(account, alias.keyId, region)
}

function parseName(keyId: string, account: string, region: string): KeyName {
  if (keyId.startsWith('arn:')) {
    const arn = parseKmsArn(keyId)
    if (arn === undefined) throw new KmsError('InvalidArnException', `Invalid arn ${keyId}`)
    if (arn.region !== region) throw notFound(`Invalid arn ${arn.region}`)
    return arn
  }
  if (keyId.startsWith('alias/')) return { account, resource: keyId }
  if (!isKeyId(keyId)) throw notFound(`Invalid keyId '${keyId}'`)
  return { account, resource: `key/${keyId}` }
}

// Whether a key of another account exists is nobody's business.
function hidden(caller: Caller, operation: string, arn: string): KmsError {
  return new KmsError(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: kms:${operation} on resource: ${arn} because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
  )
}
