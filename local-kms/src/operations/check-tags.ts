// The rules for the tags of one key.
import type { Tag } from '../keys/key-record.ts'
import { KmsError, limitExceeded } from '../kms-error.ts'

const maxTags = 50

/**
 * Checks the tags of a request.
 *
 * @throws KmsError TagException
 */
export function checkTags(tags: readonly Tag[]): void {
  if (new Set(tags.map((tag) => tag.TagKey)).size < tags.length) {
    throw new KmsError('TagException', 'Duplicate tag keys')
  }
  if (tags.length > maxTags) throw new KmsError('TagException', 'Too many tags')
  if (tags.some((tag) => tag.TagKey.toLowerCase().startsWith('aws:'))) {
    throw new KmsError('TagException', 'Tags beginning with aws: are reserved')
  }
}

/** @throws KmsError LimitExceededException when a key would have too many tags after the request */
export function checkTagCount(tags: readonly Tag[]): void {
  if (tags.length > maxTags) throw limitExceeded(`A key can have no more than ${maxTags} tags.`)
}
