// Cuts a list of items into requests that the server takes.
import { limits } from '@keyhold/contract'
import type { Context } from './value-cipher.ts'

const maxRequestCharacters = 16 * 1_048_576

/** An item as it is sent: with a plaintext in base64, or a token. */
export interface SentItem {
  plaintext?: string
  token?: string
  keyName?: string | undefined
  context?: Context | undefined
}

/** An item with its place in the caller's list. */
export interface PlacedItem {
  place: number
  item: SentItem
}

/** Yields requests of at most 1,000 items and 16 MiB; an item that is larger gets a request to itself. */
export function* splitItems(items: readonly PlacedItem[]): Generator<PlacedItem[]> {
  let request: PlacedItem[] = []
  let characters = 0
  for (const placed of items) {
    const size = jsonCharacters(placed.item)
    if (
      request.length === limits.maxItems ||
      (request.length > 0 && characters + size > maxRequestCharacters)
    ) {
      yield request
      request = []
      characters = 0
    }
    request.push(placed)
    characters += size
  }
  if (request.length > 0) yield request
}

// An upper bound: for each character JSON takes at most six, and UTF-8 at most three bytes. Base64 stays as it is.
function jsonCharacters({ plaintext = '', token = '', context = {} }: SentItem): number {
  let size = 200 + plaintext.length + token.length
  for (const key of Object.keys(context)) size += 12 + 6 * (key.length + (context[key] ?? '').length)
  return size
}
