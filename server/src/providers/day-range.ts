// Ranges of days in UTC, in the form that queries name them.
import { KeyholdError } from '@keyhold/core'
import type { DayRange } from '../store/kms-usage.ts'

const maxDays = 366
const dayMs = 86_400_000

/**
 * The days from `from` to `to`, both included. Without `to`: until today; without `from`: from the first of that month.
 *
 * @throws KeyholdError `ERR_INVALID_REQUEST`
 */
export function parseDayRange(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  now: Date,
): DayRange {
  const last = to ?? dayOf(now)
  const lastMs = parseDay('to', last)
  const first = from ?? `${last.slice(0, 8)}01`
  const days = (lastMs - parseDay('from', first)) / dayMs + 1
  if (days < 1) throw invalid('"from" is after "to".')
  if (days > maxDays) throw invalid(`From "from" to "to" there may be ${maxDays} days.`)
  return { from: first, to: last }
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}

function parseDay(name: string, text: string): number {
  const ms = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // Some engines take the 31st of February for a day in March.
  if (Number.isNaN(ms) || dayOf(new Date(ms)) !== text)
    throw invalid(`"${name}" expects a day as 2026-01-31.`)
  return ms
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_INVALID_REQUEST', { message })
}
