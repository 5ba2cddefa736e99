// Whole numbers as arguments and options.
import { InvalidArgumentError } from 'commander'

// All of them are exact.
const largest = 999_999_999_999_999

/** A parser for whole numbers from `from` to `to`. */
export function wholeNumber(from: number, to?: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^(0|[1-9][0-9]*)$/.test(text) && number >= from && number <= (to ?? largest)) return number
    const end = to === undefined ? '' : ` to ${to}`
    throw new InvalidArgumentError(`It must be a whole number from ${from}${end}.`)
  }
}
