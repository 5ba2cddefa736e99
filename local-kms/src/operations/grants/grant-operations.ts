// CreateGrant and RevokeGrant. A grant concerns one Region: replicas have grants of their own.
import { randomBytes } from 'node:crypto'
import type { Grant } from '../../keys/grant.ts'
import { createGrantToken } from '../../keys/grant-token.ts'
import type { Key } from '../../keys/key-record.ts'
import { KmsError, limitExceeded, notFound } from '../../kms-error.ts'
import type { Call } from '../call.ts'
import { checkGrantTokens, refuseDryRun } from '../crypto-fields.ts'
import { getKey, getPermittedKey } from '../get-key.ts'
import { permitOnKey } from '../permit.ts'
import { requireCreated, requireEnabled } from '../state-rules.ts'
import { checkNewGrant, mayHandOn, type NewGrant, newGrantFields } from './new-grant.ts'

const maxGrantsPerKey = 50_000
const grantIdPattern = /^[0-9a-f]{64}$/

export const grantOperations = { CreateGrant: createGrant, RevokeGrant: revokeGrant }

function createGrant(call: Call): object {
  const { keyId, wanted, dryRun } = call.fields.read((fields) => {
    checkGrantTokens(fields)
    return {
      keyId: fields.requiredKeyId('KeyId'),
      wanted: newGrantFields(fields),
      dryRun: fields.flag('DryRun'),
    }
  })
  const key = getKey(call, keyId, 'any account')
  const { equals, subset } = wanted.constraints ?? {}
  permitOnKey(call, 'CreateGrant', key, 'any account', {
    // A condition on the encryption context asks a new grant for constraints.
    context: new Map(Object.entries({ ...subset, ...equals })),
    mayGive: (parent) => mayHandOn(parent, wanted),
  })
  requireEnabled(call, key)
  checkNewGrant(call, key, wanted)
  refuseDryRun(dryRun)
  const grants = key.local.grants ?? []
  const token = createGrantToken()
  const known = wanted.name === undefined ? undefined : grants.find((grant) => isSameGrant(grant, wanted))
  if (known === undefined && grants.length >= maxGrantsPerKey) {
    throw limitExceeded(`A key can have no more than ${maxGrantsPerKey} grants.`)
  }
  const grant = known ?? newGrant(call, wanted)
  const named: Grant = { ...grant, tokens: [...grant.tokens, token] }
  call.store.change(key, { grants: [...grants.filter((each) => each !== known), named] })
  return { GrantToken: token, GrantId: grant.id }
}

function revokeGrant(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    grantId: fields.requiredText('GrantId', { min: 1, max: 128 }),
    dryRun: fields.flag('DryRun'),
  }))
  const key = getPermittedKey(call, request.keyId, 'any account')
  requireCreated(call, key)
  const grant = getGrant(key, request.grantId)
  refuseDryRun(request.dryRun)
  removeGrant(call, key, grant)
  return {}
}

/** @throws KmsError InvalidGrantIdException, NotFoundException */
export function getGrant(key: Key, grantId: string): Grant {
  if (!grantIdPattern.test(grantId)) {
    throw new KmsError('InvalidGrantIdException', `Invalid grant ID ${grantId}`)
  }
  const grant = key.local.grants?.find(({ id }) => id === grantId)
  if (grant === undefined) throw notFound(`Grant ID ${grantId} not found`)
  return grant
}

export function removeGrant(call: Call, key: Key, grant: Grant): void {
  call.store.change(key, { grants: key.local.grants?.filter((each) => each !== grant) })
}

function newGrant(call: Call, wanted: NewGrant): Grant {
  return {
    id: randomBytes(32).toString('hex'),
    tokens: [],
    ...wanted,
    issuer: call.caller.account,
    created: call.nowMs,
  }
}

// A request that is sent again, with its name, makes no second grant.
function isSameGrant(grant: Grant, wanted: NewGrant): boolean {
  const shapeOf = ({ name, grantee, retiring, operations, constraints }: NewGrant): string =>
    JSON.stringify([name, grantee, retiring, operations.toSorted(), constraints])
  return shapeOf(grant) === shapeOf(wanted)
}
