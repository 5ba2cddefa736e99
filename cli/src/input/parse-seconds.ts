// Times as options.
import { InvalidArgumentError } from 'commander'

/** A number of seconds. */
export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > 86_400)
    throw new InvalidArgumentError('It must be a number of seconds, from 0 to 86400.')
  return seconds
}
