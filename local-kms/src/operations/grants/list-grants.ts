// ListGrants and ListRetirableGrants. No list shows a token.
import type { Grant } from '../../keys/grant.ts'
import type { Key } from '../../keys/key-record.ts'
import { partitionOf } from '../../keys/partition.ts'
import { rootArn } from '../../policy/principal.ts'
import type { Call } from '../call.ts'
import { getPermittedKey } from '../get-key.ts'
import { toSeconds } from '../key-metadata.ts'
import { page, pageFields } from '../pages.ts'
import { permitInAccount } from '../permit.ts'
import { requireCreated } from '../state-rules.ts'
import { getGrant } from './grant-operations.ts'
import { principalField } from './new-grant.ts'

const pageSizes = { maxItems: 1000, defaultItems: 50 }

export const grantLists = { ListGrants: listGrants, ListRetirableGrants: listRetirableGrants }

function listGrants(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    grantId: fields.text('GrantId', { min: 1, max: 128 }),
    grantee: principalField(fields, 'GranteePrincipal'),
    ...pageFields(fields, pageSizes),
  }))
  const key = getPermittedKey(call, request.keyId, 'any account')
  requireCreated(call, key)
  const { grantId, grantee } = request
  const named = grantId === undefined ? (key.local.grants ?? []) : [getGrant(key, grantId)]
  const wanted = named.filter((grant) => grantee === undefined || grant.grantee === grantee)
  const { items, ...more } = page(wanted, (grant) => grant.id, request)
  return { Grants: items.map((grant) => shownGrant(key, grant)), ...more }
}

function listRetirableGrants(call: Call): object {
  const request = call.fields.read((fields) => ({
    retiring: fields.requiredText('RetiringPrincipal', { min: 1, max: 256 }),
    ...pageFields(fields, pageSizes),
  }))
  permitInAccount(call, 'ListRetirableGrants')
  // Only the principals of the caller's own account can be asked about.
  const isOwn =
    request.retiring.split(':')[4] === call.caller.account ||
    request.retiring === rootArn(call.caller.account, partitionOf(call.region))
  const retirable = call.store
    .listAll(call.region)
    .flatMap((key) => (key.local.grants ?? []).map((grant) => ({ key, grant })))
    .filter(({ grant }) => isOwn && grant.retiring === request.retiring)
  const { items, ...more } = page(retirable, ({ grant }) => grant.id, request)
  return { Grants: items.map(({ key, grant }) => shownGrant(key, grant)), ...more }
}

function shownGrant(key: Key, grant: Grant): object {
  const { equals, subset } = grant.constraints ?? {}
  return {
    KeyId: key.arn,
    GrantId: grant.id,
    Name: grant.name ?? '',
    CreationDate: toSeconds(grant.created),
    GranteePrincipal: grant.grantee,
    RetiringPrincipal: grant.retiring,
    IssuingAccount: rootArn(grant.issuer, partitionOf(key.region)),
    Operations: grant.operations,
    Constraints: grant.constraints && { EncryptionContextEquals: equals, EncryptionContextSubset: subset },
  }
}
