// A number on the command line of what breaks things.

/** Ends the process with 2 and the usage, unless the text is a whole number from `min` on. */
export function integerOption(usage: string, name: string, text: string, min: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < min) {
    process.stderr.write(`--${name} expects a whole number from ${min}\n\n${usage}`)
    process.exit(2)
  }
  return value
}
