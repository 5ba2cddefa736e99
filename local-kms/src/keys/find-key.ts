// From the name by which a request calls a key (key id, key ARN, alias name, alias ARN) to the key.
import { KmsError, notFound } from '../kms-error.ts'
import type { Key } from './key-record.ts'
import type { KeyStore } from './key-store.ts'
import { isKeyId, type KmsArn, parseKmsArn } from './kms-arn.ts'

export function findKey(store: KeyStore, { account, region, resource }: KmsArn): Key | undefined {
  if (resource.startsWith('key/')) return store.find(account, resource.slice('key/'.length), region)
  const alias = store.findAlias(account, region, resource)
  return alias === undefined ? undefined : store.find(account, alias.keyId, region)
}

/**
 * Completes a name with the caller's account and the Region of the call.
 *
 * @throws KmsError NotFoundException, InvalidArnException
 */
export function parseKeyName(keyId: string, account: string, region: string): KmsArn {
  if (keyId.startsWith('arn:')) {
    const arn = parseKmsArn(keyId)
    if (arn === undefined) throw new KmsError('InvalidArnException', `Invalid arn ${keyId}`)
    if (arn.region !== region) throw notFound(`Invalid arn ${arn.region}`)
    return arn
  }
  if (keyId.startsWith('alias/')) return { region, account, resource: keyId }
  if (!isKeyId(keyId)) throw notFound(`Invalid keyId '${keyId}'`)
  return { region, account, resource: `key/${keyId}` }
}
