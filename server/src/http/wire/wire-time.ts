// Times on the wire: RFC 3339 in UTC, and a zero time for "never".
import { spellings } from '@keyhold/contract'

/** To the second. */
export function wireSeconds(time: Date | undefined): string {
  return wireMilliseconds(time).replace(/\.\d{3}Z$/, 'Z')
}

/** To the millisecond. */
export function wireMilliseconds(time: Date | undefined): string {
  return isTime(time) ? time.toISOString() : spellings.zeroTime
}

/** A time that Keyhold never writes, such as an infinite one, comes from the driver as a number. */
function isTime(time: unknown): time is Date {
  return time instanceof Date && !Number.isNaN(time.getTime())
}
