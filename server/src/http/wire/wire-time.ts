// Times on the wire: RFC 3339 in UTC, and a zero time for "never".
import { spellings } from '@keyhold/contract'

/** To the second. */
export function wireSeconds(time: Date | undefined): string {
  return time === undefined ? spellings.zeroTime : time.toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** To the millisecond. */
export function wireMilliseconds(time: Date | undefined): string {
  return time === undefined ? spellings.zeroTime : time.toISOString()
}
