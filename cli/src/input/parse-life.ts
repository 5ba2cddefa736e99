// How long something is to live, as an option.
import { InvalidArgumentError } from 'commander'

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** In seconds: a whole number with its unit, s, m, h or d. */
export function parseLife(text: string): number {
  const [, number, unit = ''] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? []
  if (number === undefined) throw new InvalidArgumentError('It must be a time such as 90d, 12h, 30m or 60s.')
  return Number(number) * (secondsOf[unit] ?? 1)
}

/** The same, or the word `none`: it does not end by itself. */
export function parseLifeOrNone(text: string): number | 'none' {
  if (text === 'none') return text
  if (!/^\d/.test(text))
    throw new InvalidArgumentError('It must be a time such as 90d or 12h, or the word none.')
  return parseLife(text)
}
