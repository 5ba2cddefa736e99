// Ids and fingerprints as arguments: each is one segment of a path.
import { InvalidArgumentError } from 'commander'

/** Refuses a text that would name another route. The server judges everything else. */
export function parsePathSegment(text: string): string {
  if (text === '' || text === '.' || text === '..') throw new InvalidArgumentError('It must be an id.')
  return text
}
