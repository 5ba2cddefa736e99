// Times for people, in UTC as in the server's logs.

/** `2026-01-02 03:04:05 UTC`; `-` for never. A text that is not a time stays as it is. */
export function readableTime(text: string): string {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) return text
  // The wire's "never" is the first second of year 1.
  if (time.getUTCFullYear() <= 1) return '-'
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
