// Links that sign somebody in on this machine, as `npm start` prints one. They are kept in memory alone: a link of this replica, once,
// for ten minutes.
import { hash, timingSafeEqual } from 'node:crypto'
import {
  encodeCheckedText,
  generateCheckedText,
  hashCheckedText,
  parseCheckedText,
  type IdTag,
} from '../../access/checked-text.ts'

export interface OneTimeLinks {
  /** Answers the secret of a link that begins a session of the API key. */
  make(apiKeyId: string): string
  /** The API key, as long as the link is not spent. */
  find(secret: string): { id: string; apiKeyId: string } | undefined
  /** Whether it was not spent before. */
  spend(id: string): boolean
}

interface Link {
  secretHash: Buffer
  apiKeyId: string
  untilMs: number
}

export const oneTimeLinkMs = 600_000
const maxLinks = 100

/** @param clock - monotonic, in milliseconds */
export function createOneTimeLinks(clock: () => number, tagOf: IdTag): OneTimeLinks {
  const links = new Map<string, Link>()

  function findLive(id: string): Link | undefined {
    const link = links.get(id)
    if (link !== undefined && clock() >= link.untilMs) links.delete(id)
    return links.get(id)
  }

  return {
    make(apiKeyId) {
      const text = generateCheckedText(tagOf)
      for (const id of links.keys()) if (links.size >= maxLinks) links.delete(id)
      const untilMs = clock() + oneTimeLinkMs
      links.set(text.id, { secretHash: hashCheckedText('khl', text), apiKeyId, untilMs })
      return encodeCheckedText('khl', text)
    },
    find(secret) {
      const text = parseCheckedText('khl', secret)
      if (text === undefined) return undefined
      const link = findLive(text.id)
      const expected = link?.secretHash ?? hash('sha256', '', 'buffer')
      if (!timingSafeEqual(hashCheckedText('khl', text), expected) || link === undefined) return undefined
      return { id: text.id, apiKeyId: link.apiKeyId }
    },
    spend: (id) => findLive(id) !== undefined && links.delete(id),
  }
}
