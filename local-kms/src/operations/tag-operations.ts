// TagResource, UntagResource and ListResourceTags.
import type { Call } from './call.ts'
import { checkTagCount, checkTags } from './check-tags.ts'
import { getPermittedKey } from './get-key.ts'
import { page, pageFields } from './pages.ts'
import { requireNotPending } from './state-rules.ts'

export const tagOperations = {
  TagResource: tagResource,
  UntagResource: untagResource,
  ListResourceTags: listResourceTags,
}

function tagResource(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    tags: fields.requiredTags('Tags'),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireNotPending(call, key)
  checkTags(request.tags)
  const replaced = new Set(request.tags.map((tag) => tag.TagKey))
  const tags = [...key.local.tags.filter((tag) => !replaced.has(tag.TagKey)), ...request.tags]
  checkTagCount(tags)
  call.store.change(key, { tags })
  return {}
}

function untagResource(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    names: fields.requiredTexts('TagKeys'),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireNotPending(call, key)
  call.store.change(key, { tags: key.local.tags.filter((tag) => !request.names.includes(tag.TagKey)) })
  return {}
}

function listResourceTags(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    ...pageFields(fields, { maxItems: 50, defaultItems: 50 }),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  const { items, ...more } = page(key.local.tags, (tag) => tag.TagKey, request)
  return { Tags: items, ...more }
}
