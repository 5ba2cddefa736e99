// When a key of the issuer is published, when it signs, and when it ends. All follows from times that stand in its row and never
// change, so that every replica decides alike. By the database's clock.

export interface TimedKey {
  id: string
  createdAt: Date
  signsFrom: Date
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A key signs for so long. */
export const signingMs = 90 * dayMs
// Clouds keep the keys that they have fetched, a day at most. A week leaves time to copy the pages to another web server.
export const publishedBeforeMs = 7 * dayMs
// A replica signs with what it knew an hour ago at most, and then a day passes.
export const keptAfterMs = 26 * hourMs
/** A replica that could not read the keys for longer does not sign. */
export const staleAfterMs = hourMs

/** @param keys - in any order */
export function inOrder<Key extends TimedKey>(keys: readonly Key[]): Key[] {
  return keys.toSorted(
    (a, b) => a.signsFrom.getTime() - b.signsFrom.getTime() || (a.id < b.id ? -1 : Number(a.id > b.id)),
  )
}

/** The key that signs at a moment. Undefined: none does yet. */
export function signingKeyAt<Key extends TimedKey>(keys: readonly Key[], now: Date): Key | undefined {
  return inOrder(keys).findLast(({ signsFrom }) => signsFrom <= now)
}

/** The keys that are published at a moment: all but those that ended long ago. */
export function publishedAt<Key extends TimedKey>(keys: readonly Key[], now: Date): Key[] {
  const ended = new Set(endedAt(keys, now))
  return inOrder(keys).filter((key) => !ended.has(key))
}

/** The keys with which nobody has signed for so long that nobody needs them. */
export function endedAt<Key extends TimedKey>(keys: readonly Key[], now: Date): Key[] {
  const ordered = inOrder(keys)
  return ordered.filter((_, index) => {
    const next = ordered[index + 1]
    return next !== undefined && next.signsFrom.getTime() + keptAfterMs <= now.getTime()
  })
}

/**
 * When the next key must begin to sign, if it has to be made now. Undefined: no key has to be made.
 *
 * The first one signs at once: nobody has fetched a set without it.
 */
export function nextSignsFrom(keys: readonly TimedKey[], now: Date): Date | undefined {
  const last = inOrder(keys).at(-1)
  if (last === undefined) return now
  if (last.signsFrom > now) return undefined
  const endMs = last.signsFrom.getTime() + signingMs
  if (now.getTime() < endMs - publishedBeforeMs) return undefined
  return new Date(Math.max(endMs, now.getTime() + publishedBeforeMs))
}
