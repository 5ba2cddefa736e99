// CreateKey, DescribeKey, ListKeys and UpdateKeyDescription.
import { randomBytes, randomUUID } from 'node:crypto'
import { createKeyMaterial } from '../keys/key-material.ts'
import type { KeyOrigin, KeyRecord } from '../keys/key-record.ts'
import { chooseKeyUsage, type KeySpec, keySpecs, keyUsages } from '../keys/key-spec.ts'
import { unsupportedOperation, validationError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { checkTags } from './check-tags.ts'
import { checkGrantTokens } from './crypto-fields.ts'
import { getPermittedKey } from './get-key.ts'
import { checkKeyInStore, keyInStoreFields } from './key-stores/key-in-store.ts'
import { keyMetadata } from './key-metadata.ts'
import { createRegionalKey, descriptionLimits, newKeyFields, permitNewKey, putNewKey } from './new-key.ts'
import { page, pageFields } from './pages.ts'
import { permitInAccount } from './permit.ts'
import { requireNotPending } from './state-rules.ts'

const origins = ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'] as const

export const keyOperations = {
  CreateKey: createKey,
  DescribeKey: describeKey,
  ListKeys: listKeys,
  UpdateKeyDescription: updateKeyDescription,
}

function createKey(call: Call): object {
  const request = call.fields.read((fields) => ({
    spec: fields.choice('KeySpec', keySpecs),
    legacySpec: fields.choice('CustomerMasterKeySpec', keySpecs),
    usage: fields.choice('KeyUsage', keyUsages),
    origin: fields.choice('Origin', origins) ?? 'AWS_KMS',
    ...newKeyFields(fields),
    isMultiRegion: fields.flag('MultiRegion'),
    inStore: keyInStoreFields(fields),
  }))
  if (request.spec !== undefined && request.legacySpec !== undefined) {
    throw validationError('You cannot specify KeySpec and CustomerMasterKeySpec in the same request.')
  }
  const spec = request.spec ?? request.legacySpec ?? 'SYMMETRIC_DEFAULT'
  const usage = chooseKeyUsage(spec, request.usage)
  checkOrigin(request, spec)
  checkTags(request.tags)
  permitNewKey(call, request.tags)
  const customKeyStore = checkKeyInStore(call, request.origin, request.inStore)
  const record: KeyRecord = {
    account: call.caller.account,
    keyId: request.isMultiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID(),
    spec,
    usage,
    multiRegion: request.isMultiRegion,
    primaryRegion: call.region,
    ...(request.origin !== 'AWS_KMS' && { origin: request.origin }),
    ...(request.origin === 'EXTERNAL' && { imports: [] }),
    ...(customKeyStore && { customKeyStore }),
    materials: spec === 'SYMMETRIC_DEFAULT' && request.origin !== 'EXTERNAL' ? [createKeyMaterial()] : [],
    regions: { [call.region]: createRegionalKey(call, request, call.nowMs) },
  }
  return { KeyMetadata: keyMetadata(putNewKey(call, record, request), call.nowMs) }
}

function checkOrigin(
  { origin, isMultiRegion }: { origin: KeyOrigin; isMultiRegion: boolean },
  spec: KeySpec,
): void {
  if (origin === 'AWS_KMS') return
  if (spec !== 'SYMMETRIC_DEFAULT') {
    throw unsupportedOperation(`Key spec ${spec} with the origin ${origin} is not offered by local-kms.`)
  }
  if (isMultiRegion && origin !== 'EXTERNAL') {
    throw unsupportedOperation(`A key with the origin ${origin} cannot be a multi-region key.`)
  }
}

function describeKey(call: Call): object {
  const { keyId } = call.fields.read((fields) => {
    checkGrantTokens(fields)
    return { keyId: fields.requiredKeyId('KeyId') }
  })
  const key = getPermittedKey(call, keyId, 'any account')
  return { KeyMetadata: keyMetadata(key, call.nowMs) }
}

function listKeys(call: Call): object {
  const wanted = call.fields.read((fields) => pageFields(fields, { maxItems: 1000, defaultItems: 100 }))
  permitInAccount(call, 'ListKeys')
  const keys = call.store.list(call.caller.account, call.region)
  const { items, ...more } = page(keys, (key) => key.record.keyId, wanted)
  return { Keys: items.map((key) => ({ KeyArn: key.arn, KeyId: key.record.keyId })), ...more }
}

function updateKeyDescription(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    description: fields.requiredText('Description', descriptionLimits),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireNotPending(call, key)
  call.store.change(key, { description: request.description })
  return {}
}
