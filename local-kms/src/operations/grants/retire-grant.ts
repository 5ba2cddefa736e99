// RetireGrant. The grant itself says who may retire it, not the key policy: its retiring principal, its grantee if it
// allows RetireGrant, and whoever the issuing account lets retire grants.
import type { Grant } from '../../keys/grant.ts'
import { checkGrantToken } from '../../keys/grant-token.ts'
import type { Key } from '../../keys/key-record.ts'
import { partitionOf } from '../../keys/partition.ts'
import { KmsError, validationError } from '../../kms-error.ts'
import { isNamed } from '../../policy/principal-names.ts'
import { rootArn } from '../../policy/principal.ts'
import type { Call } from '../call.ts'
import { refuseDryRun } from '../crypto-fields.ts'
import { getKey } from '../get-key.ts'
import { notAllowedOnKey, permitInAccount, refuseDeniedOnKey } from '../permit.ts'
import { requireCreated } from '../state-rules.ts'
import { getGrant, removeGrant } from './grant-operations.ts'

export const grantRetirement = { RetireGrant: retireGrant }

function retireGrant(call: Call): object {
  const request = call.fields.read((fields) => ({
    token: fields.text('GrantToken', { min: 1, max: 8192 }),
    keyId: fields.keyId('KeyId'),
    grantId: fields.text('GrantId', { min: 1, max: 128 }),
    dryRun: fields.flag('DryRun'),
  }))
  const { key, grant } = findGrant(call, request)
  permitRetirement(call, key, grant)
  requireCreated(call, key)
  refuseDryRun(request.dryRun)
  removeGrant(call, key, grant)
  return {}
}

interface GrantName {
  token: string | undefined
  keyId: string | undefined
  grantId: string | undefined
}

function findGrant(call: Call, { token, keyId, grantId }: GrantName): { key: Key; grant: Grant } {
  if (token !== undefined) {
    if (keyId !== undefined || grantId !== undefined) {
      throw validationError('Please specify either a grant token, or a key id and a grant id.')
    }
    checkGrantToken(token)
    for (const key of call.store.listAll(call.region)) {
      const grant = key.local.grants?.find(({ tokens }) => tokens.includes(token))
      if (grant !== undefined) return { key, grant }
    }
    throw new KmsError('InvalidGrantTokenException', 'The grant token is invalid.')
  }
  if (keyId === undefined || grantId === undefined) {
    throw validationError('Please specify either a grant token, or a key id and a grant id.')
  }
  const key = getKey(call, keyId, 'any account')
  return { key, grant: getGrant(key, grantId) }
}

function permitRetirement(call: Call, key: Key, grant: Grant): void {
  const { caller } = call
  const { retiring, grantee, operations, issuer } = grant
  const isNamedByGrant =
    (retiring !== undefined && isNamed(caller, retiring)) ||
    (operations.includes('RetireGrant') && isNamed(caller, grantee))
  if (isNamedByGrant) {
    refuseDeniedOnKey(call, 'RetireGrant', key)
    return
  }
  const isOfAccount =
    issuer === caller.account || retiring === rootArn(caller.account, partitionOf(call.region))
  if (!isOfAccount) throw notAllowedOnKey(call, 'RetireGrant', key)
  permitInAccount(call, 'RetireGrant', key.arn)
}
