// Texts that end up in columns and on screens: without C0, DEL and C1 controls, and without what turns the direction of text.

// oxlint-disable-next-line no-control-regex
const notPlain = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

export function isPlainText(value: unknown, max: number): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= max &&
    value.isWellFormed() &&
    !notPlain.test(value)
  )
}
