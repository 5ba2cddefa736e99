// TagResource, UntagResource and ListResourceTags.
import type { Operation } from './call.ts'
import { findKey } from './get-key.ts'
import type { Tag } from '../keys/key-record.ts'
import { KmsError } from '../kms-error.ts'
import { permitOnKey } from './permit.ts'
import { page, pageFields } from './pages.ts'
import { requireNotPending } from './state-rules.ts'

const MAX_TAGS = 50

export const tagResource: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    tags: fields.requiredTags('Tags'),
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'TagResource', key, 'own account')
  requireNotPending(call, key)
  checkTags(request.tags)
  const replaced = new Set(request.tags.map((tag) => tag.TagKey))
  const tags = [...key.local.tags.filter((tag) => !replaced.has(tag.TagKey)), ...request.tags]
  checkTags(tags)
  call.store.change(key, { tags })
  return {}
}

export const untagResource: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    names: fields.requiredTexts('TagKeys'),
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'UntagResource', key, 'own account')
  requireNotPending(call, key)
  call.store.change(key, { tags: key.local.tags.filter((tag) => !request.names.includes(tag.TagKey)) })
  return {}
}

export const listResourceTags: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    ...pageFields(fields, { max: 50, usual: 50 }),
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'ListResourceTags', key, 'own account')
  const { items, ...more } = page(key.local.tags, (tag) => tag.TagKey, request)
  return { Tags: items, ...more }
}

/** @throws KmsError TagException, LimitExceededException */
export function checkTags(tags: readonly Tag[]): void {
  if (tags.length > MAX_TAGS) {
    throw new KmsError('LimitExceededException', `A key can have no more than ${MAX_TAGS} tags.`)
  }
  if (new Set(tags.map((tag) => tag.TagKey)).size < tags.length) {
    throw new KmsError('TagException', 'Duplicate tag keys')
  }
  if (tags.some((tag) => tag.TagKey.startsWith('aws:'))) {
    throw new KmsError('TagException', 'Tags beginning with aws: are reserved')
  }
}
