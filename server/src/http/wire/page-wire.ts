// Pages of lists by the time of creation: the query, and where the next page begins.
import { limits } from '@keyhold/contract'
import type { ListPage, ListPosition } from '../../store/list-position.ts'

interface PageQuery {
  after?: string
  limit?: string
}

/** The query of a page has been checked against its schema. One more is read, to know whether there is another page. */
export function pageOf({ after, limit }: PageQuery): ListPage & { shown: number } {
  const shown = limit === undefined ? limits.defaultListedPerPage : Number(limit)
  return { after: after === undefined ? undefined : parsePosition(after), limit: shown + 1, shown }
}

/** The rows of a page, and what the reply says about the next one. */
export function cutPage<Row extends ListPosition>(
  rows: readonly Row[],
  { shown }: { shown: number },
): { rows: Row[]; next: { next?: string } } {
  const last = rows.length > shown ? rows[shown - 1] : undefined
  const next = last === undefined ? {} : { next: `${last.createdMicros}.${last.id}` }
  return { rows: rows.slice(0, shown), next }
}

function parsePosition(text: string): ListPosition {
  const at = text.indexOf('.')
  return { createdMicros: Number(text.slice(0, at)), id: text.slice(at + 1) }
}
