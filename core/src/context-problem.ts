// The rule for a caller's encryption context. It stands apart, free of Node's modules: the SDK refuses in a browser what
// the server would refuse, before anything is sent.

/** The limits of a caller's encryption context; the total counts keys and values in UTF-8 bytes. */
export const contextLimits = {
  maxPairs: 32,
  maxKeyBytes: 128,
  maxValueBytes: 512,
  maxTotalBytes: 4096,
} as const

// C0, DEL and C1 controls: invisible, and log lines are made of contexts.
// eslint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/

/** The rule that these pairs break, such as "an empty key"; undefined where they break none. Never names the content. */
export function contextProblem(pairs: readonly (readonly [string, unknown])[]): string | undefined {
  if (pairs.length > contextLimits.maxPairs) return `more than ${contextLimits.maxPairs} pairs`
  let totalBytes = 0
  for (const [key, value] of pairs) {
    if (typeof value !== 'string') return 'a value that is not a string'
    const problem = pairProblem(key, value)
    if (problem !== undefined) return problem
    totalBytes += utf8Bytes(key) + utf8Bytes(value)
  }
  if (totalBytes > contextLimits.maxTotalBytes) return `more than ${contextLimits.maxTotalBytes} bytes in all`
  return undefined
}

function pairProblem(key: string, value: string): string | undefined {
  const { maxKeyBytes, maxValueBytes } = contextLimits
  if (!key.isWellFormed() || !value.isWellFormed()) return 'a lone surrogate'
  if (controlCharacter.test(key) || controlCharacter.test(value)) return 'a control character'
  if (key === '') return 'an empty key'
  if (key.startsWith('keyhold:')) return 'a key in the reserved space "keyhold:"'
  if (exceeds(key, maxKeyBytes)) return `a key of more than ${maxKeyBytes} bytes`
  if (exceeds(value, maxValueBytes)) return `a value of more than ${maxValueBytes} bytes`
  // After the length: normalising a long run of combining marks takes the square of its length.
  if (key.normalize('NFC') !== key) return 'a key that is not in Unicode normal form C'
  return undefined
}

// A code unit takes at least a byte, so a long text is not counted.
function exceeds(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || utf8Bytes(text) > maxBytes
}

/** Of a well-formed text: a surrogate is half of four bytes. */
function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const isSurrogate = unit >= 0xd800 && unit <= 0xdfff
    if (unit > 0x7ff && !isSurrogate) bytes += 2
    else if (unit > 0x7f) bytes += 1
  }
  return bytes
}
