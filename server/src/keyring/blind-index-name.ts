// The keys of blind indexes stand among the data keys under names of their own. No key name for encryption has a
// colon, so the two never meet.

export const blindIndexPrefix = 'blind-index:'

/** The name under which the key of a blind index is stored. */
export function blindIndexName(keyName: string): string {
  return `${blindIndexPrefix}${keyName}`
}
