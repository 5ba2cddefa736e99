// Reads the texts, numbers and words of JSON out of its bytes, which are UTF-8.
import { isAscii } from 'node:buffer'
import { invalidJson } from '../../json/json-rules.ts'

const quote = 0x22
const backslash = 0x5c
const looksOfStep = 1_024
// One look at a backslash takes a few nanoseconds.
const backslashesOfStep = 65_536
// JSON.parse takes longer ones too, but no number needs so many digits.
const maxWordBytes = 1_024

export interface JsonTexts {
  /** The text whose first quote is at `start`, and the index of its last one. It stops now and then. */
  read(start: number): Generator<void, { value: string; last: number }>
  /** The number, `true`, `false` or `null` at `start`, and the index of its last character. */
  readWord(start: number): { value: unknown; last: number }
}

/** @param pieceBytes - a longer text is decoded in pieces */
export function createJsonTexts(bytes: Buffer, pieceBytes: number): JsonTexts {
  // Where the next backslash is, as far as it is known: most bodies have none, and are searched once.
  let nextBackslash = -2

  function hasBackslash(start: number, end: number): boolean {
    if (nextBackslash !== -1 && nextBackslash < start) nextBackslash = bytes.indexOf(backslash, start)
    return nextBackslash !== -1 && nextBackslash < end
  }

  // Where it was last found out whether a row of backslashes ends with half an escape. A body may be one row of millions,
  // of which each cut would look at all that come before.
  let known = { at: -1, isEscaped: false }

  function* findEnd(start: number): Generator<void, number> {
    let looks = 0
    for (let end = bytes.indexOf(quote, start + 1); end !== -1; end = bytes.indexOf(quote, end + 1)) {
      if (bytes[end - 1] !== backslash || !(yield* isEscaped(end, start))) return end
      if (++looks % looksOfStep === 0) yield
    }
    throw invalidJson()
  }

  /** Whether an odd number of backslashes stands before the byte, after `start`. It stops now and then. */
  function* isEscaped(at: number, start: number): Generator<void, boolean> {
    let first = at
    let isOdd = false
    while (first - 1 > start && bytes[first - 1] === backslash) {
      first--
      isOdd = !isOdd
      if (first === known.at) {
        isOdd = isOdd !== known.isEscaped
        break
      }
      if ((at - first) % backslashesOfStep === 0) yield
    }
    known = { at, isEscaped: isOdd }
    return isOdd
  }

  /** The last index up to `wanted` at which a text may be cut: not inside of a character, nor of an escape. */
  function* cut(start: number, wanted: number): Generator<void, number> {
    let at = wanted
    while (((bytes[at] ?? 0) & 0xc0) === 0x80) at--
    for (let back = 1; back <= 5 && at - back > start; back++) {
      if (bytes[at - back] !== backslash) continue
      if (yield* isEscaped(at - back, start)) return at
      const length = bytes[at - back + 1] === 0x75 /* u */ ? 6 : 2
      return length > back ? at - back : at
    }
    return at
  }

  return {
    *read(start) {
      const end = yield* findEnd(start)
      const hasEscapes = hasBackslash(start, end)
      let value = ''
      for (let from = start + 1; from < end;) {
        const to = end - from <= pieceBytes ? end : yield* cut(start, from + pieceBytes)
        value += decode(bytes.subarray(from, to), hasEscapes)
        if (to < end) yield
        from = to
      }
      // The bytes are UTF-8, so only an escape can make half of a surrogate pair.
      if (hasEscapes && !value.isWellFormed()) throw invalidJson()
      return { value, last: end }
    },

    readWord(start) {
      let end = start
      // One byte more than a word may have shows that it is too long, however many follow.
      const farthest = Math.min(bytes.length, start + maxWordBytes + 1)
      while (end < farthest && isInWord(bytes[end] ?? 0)) end++
      if (end === start || end - start > maxWordBytes) throw invalidJson()
      return { value: parse(bytes.toString('latin1', start, end)), last: end - 1 }
    },
  }
}

// Digits, letters, and what else a number has.
function isInWord(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2b ||
    byte === 0x45
  )
}

// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f]/

/** A piece of a text. One without escapes means itself, and is copied once. */
function decode(piece: Buffer, hasEscapes: boolean): string {
  if (hasEscapes) return parse(`"${piece.toString('utf8')}"`) as string
  const text = piece.toString(isAscii(piece) ? 'latin1' : 'utf8')
  if (controlCharacter.test(text)) throw invalidJson()
  return text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The cause is left out, because its message holds a piece of the text.
    throw invalidJson()
  }
}
