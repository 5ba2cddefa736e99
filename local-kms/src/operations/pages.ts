// Limit, Marker and Truncated, the same for every list. A marker names the last item of its page, so keys made or
// deleted between two pages neither repeat nor hide others.
import { KmsError } from '../kms-error.ts'
import type { RequestFields } from '../fields/request-fields.ts'

export interface PageRequest {
  limit: number
  marker: string | undefined
}

const markerPrefix = 'after:'

export function pageFields(
  fields: RequestFields,
  { maxItems, defaultItems }: { maxItems: number; defaultItems: number },
): PageRequest {
  return {
    limit: fields.integer('Limit', { min: 1, max: maxItems }) ?? defaultItems,
    marker: fields.text('Marker', { min: 1, max: 1024 }),
  }
}

/** @throws KmsError InvalidMarkerException */
export function page<T>(all: readonly T[], idOf: (item: T) => string, { limit, marker }: PageRequest) {
  const after = marker === undefined ? '' : parseMarker(marker)
  const rest = all
    .map((item) => ({ id: idOf(item), item }))
    .filter(({ id }) => id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const taken = rest.slice(0, limit)
  const last = taken.at(-1)
  const isTruncated = rest.length > limit && last !== undefined
  return {
    items: taken.map(({ item }) => item),
    Truncated: isTruncated,
    NextMarker: isTruncated ? encodeMarker(last.id) : undefined,
  }
}

function encodeMarker(lastId: string): string {
  return Buffer.from(`${markerPrefix}${lastId}`).toString('base64url')
}

function parseMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString()
  if (!text.startsWith(markerPrefix)) throw new KmsError('InvalidMarkerException', 'Invalid marker.')
  return text.slice(markerPrefix.length)
}
