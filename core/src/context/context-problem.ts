// The rule for a caller's encryption context. It needs none of Node's modules, so the SDK applies it in browsers, too, and
// refuses what the server would refuse before anything is sent.

/** The limits of a caller's encryption context; the total counts keys and values in UTF-8 bytes. */
export const contextLimits = {
  maxPairs: 32,
  maxKeyBytes: 128,
  maxValueBytes: 512,
  maxTotalBytes: 4096,
} as const

// C0, DEL and C1 controls: invisible, and log lines are made of contexts.
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/

/** The rule that these pairs break, such as "an empty key"; undefined where they break none. Never names the content. */
export function contextProblem(pairs: readonly (readonly [string, unknown])[]): string | undefined {
  const { maxPairs, maxKeyBytes, maxValueBytes, maxTotalBytes } = contextLimits
  if (pairs.length > maxPairs) return `more than ${maxPairs} pairs`
  let totalBytes = 0
  for (const [key, value] of pairs) {
    if (typeof value !== 'string') return 'a value that is not a string'
    if (!key.isWellFormed() || !value.isWellFormed()) return 'a lone surrogate'
    if (controlCharacter.test(key) || controlCharacter.test(value)) return 'a control character'
    if (key === '') return 'an empty key'
    if (key.startsWith('keyhold:')) return 'a key in the reserved space "keyhold:"'
    const keyBytes = utf8Bytes(key, maxKeyBytes)
    const valueBytes = utf8Bytes(value, maxValueBytes)
    if (keyBytes > maxKeyBytes) return `a key of more than ${maxKeyBytes} bytes`
    if (valueBytes > maxValueBytes) return `a value of more than ${maxValueBytes} bytes`
    // After the length: normalising a long run of combining marks takes the square of its length.
    if (key.normalize('NFC') !== key) return 'a key that is not in Unicode normal form C'
    totalBytes += keyBytes + valueBytes
  }
  return totalBytes > maxTotalBytes ? `more than ${maxTotalBytes} bytes in all` : undefined
}

/** The bytes of a well-formed text. A text with more than `enough` code units, which take a byte at least, is not counted. */
function utf8Bytes(text: string, enough: number): number {
  let bytes = text.length
  if (bytes > enough) return bytes
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    // A surrogate is half of four bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}
