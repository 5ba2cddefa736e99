// Text from a file or from standard input. Editors and shells of Windows put a byte order mark before it, end lines with
// CR LF, and save UTF-16: PowerShell's `>` does all three.

/**
 * Decodes UTF-8, with or without a byte order mark, and UTF-16 with one. The mark is left out; line ends stay.
 *
 * @throws TypeError for UTF-16 without a mark, and for bytes that are no text; its message ends a sentence that begins
 * with the name of the file
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  // No text of ours has a NUL. In UTF-16 every other byte of plain letters is one.
  if (encoding === 'utf-8' && bytes.includes(0))
    throw new TypeError('holds NUL bytes, as UTF-16 without a byte order mark does')
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new TypeError(`is not text in ${encoding.toUpperCase()}`, { cause })
  }
}

function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}
