// UpdatePrimaryRegion: a replica becomes the primary, and the primary a replica. Both are Updating for a moment, in which
// they can be used.
import { encodeKmsArn, maxRegionCharacters, regionPattern } from '../keys/kms-arn.ts'
import { type KeyRecord, withRegion } from '../keys/key-record.ts'
import { notFound, unsupportedOperation } from '../kms-error.ts'
import type { Call } from './call.ts'
import { getPermittedKey } from './get-key.ts'
import { permitOnKey } from './permit.ts'
import { requireEnabled, requireNotPending, requirePrimary, requireSettled } from './state-rules.ts'

const updatingMs = 200

export const primaryRegionOperations = { UpdatePrimaryRegion: updatePrimaryRegion }

function updatePrimaryRegion(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    region: fields.requiredText('PrimaryRegion', {
      min: 1,
      max: maxRegionCharacters,
      pattern: regionPattern,
    }),
  }))
  const primary = getPermittedKey(call, request.keyId, 'own account')
  requirePrimary(primary)
  requireEnabled(call, primary)
  requireSettled(call, primary)
  if (request.region === call.region) {
    throw unsupportedOperation(`${primary.arn} is already the multi-region primary key.`)
  }
  const { account, keyId } = primary.record
  const replica = call.store.find(account, keyId, request.region)
  if (replica === undefined) {
    const arn = encodeKmsArn({ account, region: request.region, resource: `key/${keyId}` })
    throw notFound(`Key '${arn}' does not exist`)
  }
  permitOnKey({ ...call, region: request.region }, 'UpdatePrimaryRegion', replica, 'own account')
  requireNotPending(call, replica)
  let record: KeyRecord = { ...primary.record, primaryRegion: request.region }
  for (const { region, local } of [primary, replica]) {
    record = withRegion(record, region, { ...local, updatingUntil: call.nowMs + updatingMs })
  }
  call.store.put(record)
  return {}
}
