// Limit, Marker and Truncated, the same for every list. A marker names the last item of its page, so keys made or
// deleted between two pages neither repeat nor hide others.
import { KmsError } from '../kms-error.ts'
import type { RequestFields } from './request-fields.ts'

export interface PageRequest {
  readonly limit: number
  readonly marker: string | undefined
}

export function pageFields(
  fields: RequestFields,
  limits: { readonly max: number; readonly usual: number },
): PageRequest {
  return {
    limit: fields.integer('Limit', { min: 1, max: limits.max }) ?? limits.usual,
    marker: fields.text('Marker', { min: 1, max: 1024 }),
  }
}

/** @throws KmsError InvalidMarkerException */
export function page<T>(all: readonly T[], idOf: (item: T) => string, { limit, marker }: PageRequest) {
  const after = marker === undefined ? '' : readMarker(marker)
  const rest = all
    .map((item) => ({ id: idOf(item), item }))
    .filter(({ id }) => id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const taken = rest.slice(0, limit)
  const last = taken.at(-1)
  const truncated = rest.length > limit && last !== undefined
  return {
    items: taken.map(({ item }) => item),
    Truncated: truncated,
    NextMarker: truncated ? Buffer.from(`after:${last.id}`).toString('base64url') : undefined,
  }
}

function readMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString()
  if (!text.startsWith('after:')) throw new KmsError('InvalidMarkerException', 'Invalid marker.')
  return text.slice('after:'.length)
}
