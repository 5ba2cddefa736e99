// The keys of blind indexes are data keys under names of their own. No key name for encryption has a colon, so the two
// kinds of names never collide.

export const blindIndexPrefix = 'blind-index:'

/** The name under which the key of a blind index is stored. */
export function blindIndexName(keyName: string): string {
  return `${blindIndexPrefix}${keyName}`
}
