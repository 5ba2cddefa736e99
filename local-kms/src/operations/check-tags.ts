// The rules for the tags of one key.
import type { Tag } from '../keys/key-record.ts'
import { KmsError, limitExceeded } from '../kms-error.ts'

const maxTags = 50

/** @throws KmsError TagException, LimitExceededException */
export function checkTags(tags: readonly Tag[]): void {
  if (tags.length > maxTags) throw limitExceeded(`A key can have no more than ${maxTags} tags.`)
  if (new Set(tags.map((tag) => tag.TagKey)).size < tags.length) {
    throw new KmsError('TagException', 'Duplicate tag keys')
  }
  if (tags.some((tag) => tag.TagKey.startsWith('aws:'))) {
    throw new KmsError('TagException', 'Tags beginning with aws: are reserved')
  }
}
