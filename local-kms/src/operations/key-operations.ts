// CreateKey, DescribeKey, ListKeys and UpdateKeyDescription.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Operation } from './call.ts'
import { findKey } from './get-key.ts'
import { keyMetadata } from './key-metadata.ts'
import { keyIn, type KeyMaterial, type KeyRecord } from '../keys/key-record.ts'
import { checkKeySpec, KEY_SPECS, KEY_USAGES } from '../keys/key-spec.ts'
import { unsupportedOperation, validationError } from '../kms-error.ts'
import { permitInAccount, permitOnKey } from './permit.ts'
import { acceptPolicy, defaultPolicy, policyField } from './policy-operations.ts'
import { page, pageFields } from './pages.ts'
import { checkTags } from './tag-operations.ts'
import { requireNotPending } from './state-rules.ts'

const ORIGINS = ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'] as const
export const MAX_DESCRIPTION = 8192

export const createKey: Operation = (call) => {
  const { caller, region, now } = call
  const request = call.fields.read((fields) => ({
    spec: fields.choice('KeySpec', KEY_SPECS),
    legacySpec: fields.choice('CustomerMasterKeySpec', KEY_SPECS),
    usage: fields.choice('KeyUsage', KEY_USAGES),
    origin: fields.choice('Origin', ORIGINS) ?? 'AWS_KMS',
    description: fields.text('Description', { max: MAX_DESCRIPTION }) ?? '',
    policy: policyField(fields),
    bypass: fields.flag('BypassPolicyLockoutSafetyCheck'),
    tags: fields.tags('Tags') ?? [],
    multiRegion: fields.flag('MultiRegion'),
  }))
  if (request.origin !== 'AWS_KMS' || call.fields.has('CustomKeyStoreId')) {
    throw unsupportedOperation('local-kms makes keys of origin AWS_KMS only.')
  }
  if (request.spec !== undefined && request.legacySpec !== undefined) {
    throw validationError('You cannot specify KeySpec and CustomerMasterKeySpec in the same request.')
  }
  const spec = request.spec ?? request.legacySpec ?? 'SYMMETRIC_DEFAULT'
  const usage = checkKeySpec(spec, request.usage)
  checkTags(request.tags)
  permitInAccount(call, 'CreateKey')
  if (request.tags.length > 0) permitInAccount(call, 'TagResource')
  const record: KeyRecord = {
    account: caller.account,
    keyId: request.multiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID(),
    spec,
    usage,
    multiRegion: request.multiRegion,
    primaryRegion: region,
    materials: spec === 'SYMMETRIC_DEFAULT' ? [newMaterial()] : [],
    regions: {
      [region]: {
        created: now,
        readyAt: now,
        description: request.description,
        enabled: true,
        policy: request.policy ?? defaultPolicy(caller.account),
        tags: request.tags,
      },
    },
  }
  const key = keyIn(record, region)
  if (key === undefined) throw new Error('the new key is not in its Region')
  if (request.policy !== undefined) acceptPolicy(call, key, request.policy, request.bypass)
  call.store.put(record)
  return { KeyMetadata: keyMetadata(key, now) }
}

export const describeKey: Operation = (call) => {
  const { keyId } = call.fields.read((fields) => {
    fields.texts('GrantTokens', { max: 10 })
    return { keyId: fields.requiredKeyId('KeyId') }
  })
  const key = findKey(call, keyId, 'any account')
  permitOnKey(call, 'DescribeKey', key, 'any account')
  return { KeyMetadata: keyMetadata(key, call.now) }
}

export const listKeys: Operation = (call) => {
  const wanted = call.fields.read((fields) => pageFields(fields, { max: 1000, usual: 100 }))
  permitInAccount(call, 'ListKeys')
  const keys = call.store.keysIn(call.caller.account, call.region)
  const { items, ...more } = page(keys, (key) => key.record.keyId, wanted)
  return { Keys: items.map((key) => ({ KeyArn: key.arn, KeyId: key.record.keyId })), ...more }
}

export const updateKeyDescription: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    description: fields.requiredText('Description', { max: MAX_DESCRIPTION }),
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'UpdateKeyDescription', key, 'own account')
  requireNotPending(call, key)
  call.store.change(key, { description: request.description })
  return {}
}

export function newMaterial(): KeyMaterial {
  const secret = randomBytes(32)
  // Like AWS, an id of 32 bytes; a hash of random bytes of its own, not of the secret.
  const id = createHash('sha256').update(randomBytes(32)).digest('hex')
  return { id, secret: secret.toString('base64') }
}
