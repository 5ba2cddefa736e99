// Ids and fingerprints as arguments: each names one segment of a path.
import { InvalidArgumentError } from 'commander'

/** Refuses what would name another route; everything else is for the server to judge. */
export function parsePathSegment(text: string): string {
  if (text === '' || text === '.' || text === '..') throw new InvalidArgumentError('It must be an id.')
  return text
}
