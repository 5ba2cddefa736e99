// The time of a Date, whatever methods its maker gave it, in whatever realm it was made.

// It is called on the values themselves, which may be no Dates.
// eslint-disable-next-line @typescript-eslint/unbound-method
const { getTime } = Date.prototype

/** Milliseconds since 1970. Undefined for anything but a Date, and for a Date that is no time. */
export function timeOf(value: unknown): number | undefined {
  try {
    const timeMs = Reflect.apply(getTime, value, [])
    return Number.isNaN(timeMs) ? undefined : timeMs
  } catch {
    return undefined
  }
}
