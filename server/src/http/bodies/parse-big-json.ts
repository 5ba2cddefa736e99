// Parses a big body in steps, as `parseJson` does a small one: the same bodies are refused, and all others have the same
// value. Only objects and lists are taken apart here; every number and word, and every text with an escape, goes
// through JSON.parse.
import { isUtf8 } from 'node:buffer'
import { createJsonBuilder } from './json-builder.ts'
import { invalidJson } from '../../json/json-rules.ts'
import { createJsonTexts } from './json-texts.ts'

// A step looks at this many bytes one by one, or at some values instead: a fraction of a millisecond.
const bytesOfStep = 16_384
const bytesOfValue = 32
// So many bytes of a text take as long as one that is looked at.
const bytesInsteadOfOne = 32

// A longer text is decoded in pieces. The longest of a token has 1.4 million bytes.
const bytesOfPiece = 1_572_864

/**
 * @param pieceBytes - how many bytes of a text are decoded at a time
 * @throws KeyholdError `ERR_INVALID_REQUEST`, from any step
 */
export function* parseBigJson(bytes: Buffer, pieceBytes = bytesOfPiece): Generator<void, unknown> {
  if (!isUtf8(bytes)) throw invalidJson()
  yield
  const texts = createJsonTexts(bytes, pieceBytes)
  const builder = createJsonBuilder()
  let looked = 0
  for (let at = 0; at < bytes.length; at++) {
    if (looked > bytesOfStep) {
      looked = 0
      yield
    }
    const byte = bytes[at]
    looked += isSpace(byte) ? 1 : bytesOfValue
    switch (byte) {
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09:
        break
      case 0x22: {
        // "
        const { value, last } = yield* texts.read(at)
        looked += (last - at) / bytesInsteadOfOne
        at = last
        if (builder.isNameDue()) builder.name(value)
        else builder.value(value)
        break
      }
      case 0x3a: // :
        builder.colon()
        break
      case 0x2c: // ,
        builder.comma()
        break
      case 0x5b: // [
        builder.begin([])
        break
      case 0x7b: // {
        builder.begin({})
        break
      case 0x5d: // ]
        builder.end(true)
        break
      case 0x7d: // }
        builder.end(false)
        break
      default: {
        const { value, last } = texts.readWord(at)
        at = last
        builder.value(value)
      }
    }
  }
  return builder.result()
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
