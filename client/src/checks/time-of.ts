// Reads the time of a Date, from any realm, without its own methods, which may be replaced.

// Called on values that may be no Dates.
// oxlint-disable-next-line typescript/unbound-method
const { getTime } = Date.prototype

/** Milliseconds since 1970; undefined for anything but a Date, and for an invalid Date. */
export function timeOf(value: unknown): number | undefined {
  try {
    const timeMs = Reflect.apply(getTime, value, [])
    return Number.isNaN(timeMs) ? undefined : timeMs
  } catch {
    return undefined
  }
}
